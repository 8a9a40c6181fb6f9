//! What to do about a failure: at most one thing, which names a command or a setting.

use super::{Error, answer, start};
use crate::config;
use crate::dashboard;
use crate::gateway::{self, OptionFault, Status};

impl Error {
    /// The one thing to do about it.
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::Config(error) => error.hint(),
            Self::Gateway(error) => answer::hint(error, "gateway.address"),
            Self::AtNamed(error) => answer::hint(error, "--address"),
            Self::Activity(error) => super::Failure::hint(error),
            Self::Option {
                fault: OptionFault::Unknown { .. },
                ..
            } => Some("`dgw options` shows what this gateway offers".to_owned()),
            Self::Defaults(_) => Some(
                "`dgw options` shows what this gateway offers, and your own defaults".to_owned(),
            ),
            Self::NeedsYes => Some("`--dry-run` shows what it would be".to_owned()),
            Self::NoScreen(_) => Some(
                "`dgw list -o wide --watch` and `dgw show` tell the same anywhere".to_owned(),
            ),
            Self::NoneFits { there, .. } if there.is_empty() => {
                Some("`dgw list --all` shows what the gateway still knows".to_owned())
            }
            Self::NoneFits { .. } => Some(
                "the active ones are listed above; `dgw list --all` shows the others that the \
                 gateway still knows"
                    .to_owned(),
            ),
            Self::NoWorkerFits { there, .. } if there.is_empty() => {
                Some("it has no workers: `dgw scale` starts some".to_owned())
            }
            Self::NoWorkerFits { .. } => Some("its workers are listed above".to_owned()),
            Self::NoLogs { by_time: true, .. } => Some(
                "`--since` needs the scheduler itself, through the gateway's scheduler proxy: give \
                 it more `--probe-timeout`, and check `gateway.proxy-address`; without `--since` \
                 its web pages may do"
                    .to_owned(),
            ),
            Self::NoLogs { .. } => Some(
                "logs come from the scheduler, through the gateway's scheduler proxy: give it more \
                 `--probe-timeout`, and check `gateway.proxy-address`"
                    .to_owned(),
            ),
            Self::NotReached { .. } => Some(
                "programs connect through the gateway's scheduler proxy: check \
                 `gateway.proxy-address`, and whether this machine can reach it"
                    .to_owned(),
            ),
            Self::NoPrivateFolder { .. } => {
                Some("set TMPDIR to a folder that you can write".to_owned())
            }
            Self::NoRelay(_) => {
                Some("`dgw connect -- COMMAND` needs nothing in the background".to_owned())
            }
            Self::SeveralFit { .. } | Self::SeveralWorkersFit { .. } => {
                Some("give more of the name".to_owned())
            }
            Self::NoneActive => Some("`dgw new` starts one".to_owned()),
            Self::NotRunning {
                name,
                status: Status::Pending,
            } => Some(format!("`dgw connect {name}` waits until it runs")),
            Self::NoScheduler { .. } => Some(
                "asked to scale it now, the gateway would take the whole cluster for failed; \
                 `--force` asks all the same"
                    .to_owned(),
            ),
            Self::StartFailed { trace, .. } => Some(start::hint(trace).to_owned()),
            Self::Ended { trace, .. } if trace.latest_workers_log().is_some() => {
                Some("what its worker logged last may tell why".to_owned())
            }
            Self::NotRunning { .. } | Self::Ended { .. } => {
                Some("`dgw new` starts another".to_owned())
            }
            Self::NoClock => Some("name the clusters".to_owned()),
            Self::RelativeUrl(_) => Some(
                "`gateway.public-address` is a path on your hub: open it there, or set it in full"
                    .to_owned(),
            ),
            Self::NotServed { source, .. } => match source {
                dashboard::Error::Port { .. } => Some("`--port` takes another one".to_owned()),
                dashboard::Error::Socket { .. } => {
                    Some("`--socket` takes a path of your own where nothing is yet".to_owned())
                }
                dashboard::Error::NoRandomness => None,
            },
            Self::NoBrowser => Some("open the URL in the browser of your own machine".to_owned()),
            Self::TimedOut { .. } | Self::StartTimedOut { .. } => {
                Some("`--timeout` gives it longer".to_owned())
            }
            Self::Partly { .. } => Some("run it again for those that are left".to_owned()),
            Self::Doubtful { seen, .. } | Self::DoubtfulTimedOut { seen, .. } => {
                Some(start::way_out_of_doubt(seen.as_deref()).to_owned())
            }
            error => error.hint_on_setting_up(),
        }
    }

    /// The same of what only `dgw login` and `dgw doctor` meet.
    fn hint_on_setting_up(&self) -> Option<String> {
        match self {
            Self::Untaken(error) => {
                let next = match error {
                    gateway::Error::Authentication(trouble) => Some(answer::next_try(trouble)),
                    error => answer::hint(error, "gateway.address"),
                };
                let next = next.map_or_else(String::new, |next| format!(": {next}"));
                Some(format!("nothing was written{next}"))
            }
            Self::Elsewhere { address, .. } => Some(format!(
                "a gateway answers at `{address}`: `dgw login --address {address}`"
            )),
            Self::Clocks(_) => Some(
                "set this machine's clock (`timedatectl set-ntp true`); if it is right, tell those \
                 who run the gateway"
                    .to_owned(),
            ),
            Self::Ailing { .. } => {
                Some("tell those who run the gateway, and try again in a while".to_owned())
            }
            Self::NoSchedulerProxy { .. } => Some(
                "check `gateway.proxy-address` (those who run the gateway know it), and whether a \
                 firewall lets this machine out to it"
                    .to_owned(),
            ),
            Self::WithoutKerberos => Some(config::WITH_KERBEROS.to_owned()),
            Self::NoDashboards { .. } => {
                Some("check `gateway.public-address`: dashboards' links begin with it".to_owned())
            }
            _ => None,
        }
    }
}
