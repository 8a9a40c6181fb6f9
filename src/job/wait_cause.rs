//! What keeps a job in Slurm's queue, by the reason that Slurm gives.

/// What must change before a waiting job can start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WaitCause {
    /// Other jobs come first: it starts in its turn.
    Turn,
    /// A limit of the user, the account or the quality of service is used up.
    Limit,
    /// Its partition or nodes are not in service.
    Site,
    /// Slurm never starts it as it was submitted.
    Request,
    /// Somebody holds it.
    Held,
}

impl WaitCause {
    /// Classifies Slurm's reason (`squeue --format=%r`; `job_state_reason_string` in Slurm's
    /// sources). A reason without a class of its own is taken to end by itself.
    pub(crate) fn of(reason: &str) -> Self {
        // ReqNodeNotAvail is followed by the nodes.
        let word = reason.split([',', ' ', '(']).next().unwrap_or_default();
        match word {
            "InvalidAccount"
            | "InvalidQOS"
            | "BadConstraints"
            | "AccountNotAllowed"
            | "QOSNotAllowed"
            | "PartitionNodeLimit"
            | "PartitionTimeLimit"
            | "PartitionConfig"
            | "DependencyNeverSatisfied"
            | "QOSTimeLimit"
            | "QOSMinCpuNotSatisfied"
            | "QOSMinMemory"
            | "QOSMinNode" => Self::Request,
            "PartitionDown" | "PartitionInactive" | "ReqNodeNotAvail" | "NodeDown"
            | "FrontEndDown" | "Nodes" | "Reservation" | "ReservationDeleted" | "SystemFailure"
            | "BurstBufferStageIn" => Self::Site,
            "JobHeldUser" | "JobHeldAdmin" | "JobHoldMaxRequeue" => Self::Held,
            // A single job above such a limit never starts: `…PerJobLimit`.
            word if word.contains("PerJob") => Self::Request,
            "AssociationJobLimit" | "AssociationResourceLimit" | "AssociationTimeLimit" => {
                Self::Limit
            }
            word if ["QOS", "Assoc", "Max"]
                .iter()
                .any(|start| word.starts_with(start)) =>
            {
                Self::Limit
            }
            _ => Self::Turn,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classifies_the_common_reasons() {
        for (reason, cause) in [
            ("Priority", WaitCause::Turn),
            ("Resources", WaitCause::Turn),
            ("BeginTime", WaitCause::Turn),
            ("Licenses", WaitCause::Turn),
            ("", WaitCause::Turn),
            ("QOSMaxCpuPerUserLimit", WaitCause::Limit),
            ("QOSMaxJobsPerUserLimit", WaitCause::Limit),
            ("QOSGrpCpuLimit", WaitCause::Limit),
            ("AssocGrpCPUMinutesLimit", WaitCause::Limit),
            ("AssocMaxJobsLimit", WaitCause::Limit),
            ("AssociationResourceLimit", WaitCause::Limit),
            ("QOSMaxCpuPerJobLimit", WaitCause::Request),
            ("AssocMaxMemPerJobLimit", WaitCause::Request),
            ("InvalidAccount", WaitCause::Request),
            ("InvalidQOS", WaitCause::Request),
            ("BadConstraints", WaitCause::Request),
            ("PartitionTimeLimit", WaitCause::Request),
            ("PartitionDown", WaitCause::Site),
            ("PartitionInactive", WaitCause::Site),
            (
                "ReqNodeNotAvail, UnavailableNodes:node[1-3]",
                WaitCause::Site,
            ),
            (
                "Nodes required for job are DOWN, DRAINED or reserved for jobs in higher priority \
                 partitions",
                WaitCause::Site,
            ),
            ("JobHeldUser", WaitCause::Held),
            ("JobHeldAdmin", WaitCause::Held),
        ] {
            assert_eq!(WaitCause::of(reason), cause, "{reason}");
        }
    }
}
