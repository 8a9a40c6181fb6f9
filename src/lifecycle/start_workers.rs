//! The workers of a cluster that was started or reused: how many are requested, and what is said
//! about that.

use super::deadline::with_deadline;
use super::reuse_lock;
use super::scale::{self, Grant, in_words, scaling_message};
use super::start::Start;
use super::{Error, select};
use crate::config::Settings;
use crate::gateway::Scaling;
use crate::scheduler::RequestedWorkers;
use crate::workers::DefaultWorkers;

/// The workers that `dgw run` requests if neither the command line nor the configuration says.
const BUILT_IN: Scaling = Scaling::Adaptive {
    minimum: Some(1),
    maximum: Some(8),
};

const NOTHING_REQUESTED: RequestedWorkers = RequestedWorkers {
    count: 0,
    scaling: Scaling::Fixed(0),
};

/// The workers to request for a cluster.
#[derive(Clone, Debug)]
pub(crate) struct WorkerRequest {
    pub(crate) scaling: Scaling,
    origin: Origin,
}

/// Where the number of workers comes from.
#[derive(Clone, Debug)]
enum Origin {
    CommandLine,
    /// The file or the variable that sets `dgw.run.workers`.
    Configuration(String),
    BuiltIn,
}

impl WorkerRequest {
    /// Returns the request of the command line.
    pub(crate) fn by_flag(scaling: Scaling) -> Self {
        Self {
            scaling,
            origin: Origin::CommandLine,
        }
    }

    /// Returns the request for a `dgw run` whose command line has none.
    pub(crate) fn by_default(settings: &Settings) -> Self {
        let Some((workers, source)) = &settings.default_workers else {
            return Self {
                scaling: BUILT_IN,
                origin: Origin::BuiltIn,
            };
        };
        Self {
            scaling: match *workers {
                DefaultWorkers::Fixed(count) => Scaling::Fixed(count),
                DefaultWorkers::Adaptive((minimum, maximum)) => {
                    Scaling::Adaptive { minimum, maximum }
                }
            },
            origin: Origin::Configuration(source.to_string()),
        }
    }

    /// Returns true if the user asked for these workers on this command line.
    fn is_explicit(&self) -> bool {
        matches!(self.origin, Origin::CommandLine)
    }

    /// Says what was granted of a default, and how to change it.
    fn default_note(&self, granted: Scaling) -> String {
        let workers = match granted {
            Scaling::Fixed(_) => format!("requested {}", in_words(granted)),
            _ => format!("scaling adaptively {}", in_words(granted)),
        };
        match &self.origin {
            Origin::Configuration(source) => format!("{workers} (`dgw.run.workers`, {source})"),
            _ => format!(
                "{workers}; change this with `--workers`, `--adapt`, or `dgw.run.workers` in the \
                 configuration"
            ),
        }
    }
}

impl Start<'_> {
    /// Requests the workers of the running cluster `name`. Where others may use it too, removes none.
    ///
    /// # Errors
    /// The request fails, or the gateway clamps what must not be clamped.
    pub(super) async fn request_workers(
        &self,
        name: &str,
        is_new: bool,
    ) -> Result<Option<Grant>, Error> {
        let Some(request) = &self.request.workers else {
            return Ok(None);
        };
        let grant = if self.request.reuse {
            self.add_workers(name, request, is_new).await?
        } else {
            Some(self.scale(name, request.scaling).await?)
        };
        if self.request.strict && request.is_explicit() {
            grant.as_ref().map_or(Ok(()), Grant::check_strictly)?;
        }
        Ok(grant)
    }

    /// Requests workers that the cluster `name` lacks. Someone else's work may run there, and another
    /// dgw may be about to request more: none that run or are requested are taken away.
    async fn add_workers(
        &self,
        name: &str,
        request: &WorkerRequest,
        is_new: bool,
    ) -> Result<Option<Grant>, Error> {
        let pending = format!("cluster {name} has not reported its number of workers");
        let reading = async {
            let lock = reuse_lock::acquire(self.session).await;
            Ok((lock, self.requested_workers(name).await))
        };
        let (_lock, requested) = with_deadline(self.deadline, &pending, reading).await?;
        let RequestedWorkers { count, scaling } = match requested {
            Ok(Some(requested)) => requested,
            // Perhaps the proxy does not know it yet, and then nobody else can have requested any.
            Ok(None) | Err(_) if is_new => NOTHING_REQUESTED,
            Ok(None) | Err(_) if !request.is_explicit() => return Ok(None),
            Ok(None) => return self.check_present(name, request).await.map(|()| None),
            Err(error) => return Err(error),
        };
        if !request.is_explicit() && scaling != Scaling::Fixed(0) {
            return Ok(None);
        }
        let Some(grown) = grown(scaling, request.scaling) else {
            if matches!(request.scaling, Scaling::Adaptive { .. }) && request.scaling != scaling {
                self.session.printer.note(&format!(
                    "cluster {name} keeps its scaling ({}), so that it loses no workers",
                    in_words(scaling)
                ));
            }
            return Ok(None);
        };
        let grant = self.scale(name, grown).await?;
        if request.is_explicit()
            && !is_new
            && let Some(granted) = grant.scaling()
        {
            self.session.printer.note(&match granted {
                Scaling::Fixed(_) => format!(
                    "cluster {name} is scaling from {count} to {}",
                    in_words(granted)
                ),
                range => scaling_message(name, range),
            });
        }
        Ok(Some(grant))
    }

    /// Returns the workers requested so far for the running cluster `name`; `None` if it does not
    /// tell. If its scheduler does not respond, the gateway must not be asked to scale it either.
    async fn requested_workers(&self, name: &str) -> Result<Option<RequestedWorkers>, Error> {
        let identity = select::running_identity(&self.session.gateway, name).await?;
        let schedulers = self.session.schedulers(self.request.probe_timeout);
        let requested = schedulers.requested_workers(name, identity.as_ref()).await;
        requested.map_err(|error| Error::WorkersUnknown {
            name: name.to_owned(),
            cause: error.to_string(),
        })
    }

    /// Checks that a cluster has the workers of `request`, although it does not tell how many were
    /// requested so far.
    ///
    /// # Errors
    /// It has fewer: a request for more might take some away.
    async fn check_present(&self, name: &str, request: &WorkerRequest) -> Result<(), Error> {
        let identity = select::running_identity(&self.session.gateway, name).await?;
        let schedulers = self.session.schedulers(self.request.probe_timeout);
        let activity = schedulers.activity(name, identity.as_ref()).await;
        let current = activity.ok().and_then(|activity| activity.workers);
        let (least, _) = bounds(request.scaling);
        if current.is_some_and(|current| current >= u64::from(least)) {
            return Ok(());
        }
        Err(Error::RequestUnknown {
            name: name.to_owned(),
        })
    }

    async fn scale(&self, name: &str, scaling: Scaling) -> Result<Grant, Error> {
        let pending =
            format!("the gateway has not accepted the number of workers of cluster {name}");
        let scaling = scale::scale(&self.session.gateway, name, scaling);
        with_deadline(self.deadline, &pending, scaling).await
    }

    /// Says what became of the request for workers: a warning if the gateway clamped it, and the
    /// default if nobody asked for a number.
    pub(crate) fn report_workers(&self, grant: Option<&Grant>) {
        let (Some(request), Some(grant)) = (&self.request.workers, grant) else {
            return;
        };
        let printer = &self.session.printer;
        match (grant.warning(), grant.scaling()) {
            (_, Some(granted)) if !request.is_explicit() && bounds(granted).1 != Some(0) => {
                printer.note(&request.default_note(granted));
            }
            (Some(warning), _) => printer.warn(&warning.to_string()),
            (None, _) => {}
        }
    }
}

/// Returns how a cluster that scales as `present` must scale to have the `requested` workers too,
/// without losing any; `None` if it has them.
fn grown(present: Scaling, requested: Scaling) -> Option<Scaling> {
    if let (Scaling::Fixed(present), Scaling::Fixed(requested)) = (present, requested) {
        return (requested > present).then_some(Scaling::Fixed(requested));
    }
    let ((least, most), (wanted_least, wanted_most)) = (bounds(present), bounds(requested));
    let minimum = least.max(wanted_least);
    let maximum = most.zip(wanted_most).map(|(most, wanted)| most.max(wanted));
    ((minimum, maximum) != (least, most)).then_some(Scaling::Adaptive {
        minimum: Some(minimum),
        maximum,
    })
}

/// Returns the least and the greatest number of workers; `None` for no bound.
fn bounds(scaling: Scaling) -> (u32, Option<u32>) {
    match scaling {
        Scaling::Fixed(count) => (count, Some(count)),
        Scaling::Adaptive { minimum, maximum } => (minimum.unwrap_or(0), maximum),
        Scaling::Off => (0, None),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn adaptive(minimum: u32, maximum: impl Into<Option<u32>>) -> Scaling {
        Scaling::Adaptive {
            minimum: Some(minimum),
            maximum: maximum.into(),
        }
    }

    #[test]
    fn more_workers_are_requested_and_none_taken_away() {
        use Scaling::Fixed;
        for (present, requested, expected) in [
            (Fixed(2), Fixed(4), Some(Fixed(4))),
            (Fixed(4), Fixed(2), None),
            (Fixed(0), adaptive(1, 8), Some(adaptive(1, 8))),
            (Fixed(4), adaptive(1, 8), Some(adaptive(4, 8))),
            (Fixed(4), adaptive(1, 2), None),
            (adaptive(1, 8), Fixed(4), Some(adaptive(4, 8))),
            (adaptive(1, 8), Fixed(20), Some(adaptive(20, 20))),
            (adaptive(4, 8), Fixed(4), None),
            (adaptive(1, None), Fixed(4), Some(adaptive(4, None))),
            (adaptive(2, 3), adaptive(0, 1), None),
            (adaptive(2, 3), adaptive(0, None), Some(adaptive(2, None))),
        ] {
            assert_eq!(
                grown(present, requested),
                expected,
                "{present:?} {requested:?}"
            );
        }
    }

    fn scaling() -> impl Strategy<Value = Scaling> {
        let bound = || proptest::option::of(0..9_u32);
        let range = (bound(), bound()).prop_map(|(minimum, maximum)| Scaling::Adaptive {
            minimum,
            maximum: maximum.map(|maximum| maximum.max(minimum.unwrap_or(0))),
        });
        prop_oneof![(0..9_u32).prop_map(Scaling::Fixed), range]
    }

    proptest! {
        #[test]
        fn bounds_only_rise(present in scaling(), requested in scaling()) {
            let new = bounds(grown(present, requested).unwrap_or(present));
            for (least, most) in [bounds(present), bounds(requested)] {
                prop_assert!(new.0 >= least);
                prop_assert!(new.1.is_none() || new.1 >= most && most.is_some());
            }
            prop_assert_eq!(grown(grown(present, requested).unwrap_or(present), requested), None);
        }

        #[test]
        fn adaptive_scaling_is_never_turned_off(present in scaling(), requested in scaling()) {
            if let (Scaling::Adaptive { .. }, Some(new)) = (present, grown(present, requested)) {
                let is_adaptive = matches!(new, Scaling::Adaptive { .. });
                prop_assert!(is_adaptive);
            }
        }
    }
}
