//! Scaling a cluster, and a gateway that grants less than was requested.

use serde::Deserialize;
use serde_json::{Value, json};

/// The number of workers that a cluster should have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scaling {
    /// Exactly this many; turns adaptive scaling off.
    Fixed(u32),
    /// As many as the work needs, within bounds. `None` leaves a bound to the gateway.
    Adaptive {
        minimum: Option<u32>,
        maximum: Option<u32>,
    },
    /// Turns adaptive scaling off; existing workers stay.
    Off,
}

/// The gateway granted less than was requested.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Clamped {
    /// The gateway's explanation.
    pub(crate) reason: String,
    /// The scaling that the gateway granted; `None` if its explanation has an unknown form.
    pub(crate) granted: Option<Scaling>,
}

/// The body of a response to a scaling request.
#[derive(Deserialize)]
pub(super) struct ScaleResponse {
    ok: bool,
    msg: Option<String>,
}

impl Scaling {
    /// The end of the request's path, and its body.
    pub(super) fn request(self) -> (&'static str, Value) {
        match self {
            Self::Fixed(count) => ("/scale", json!({ "count": count })),
            Self::Adaptive { minimum, maximum } => (
                "/adapt",
                json!({ "minimum": minimum, "maximum": maximum, "active": true }),
            ),
            Self::Off => ("/adapt", json!({ "active": false })),
        }
    }
}

impl ScaleResponse {
    /// Returns how the gateway limited a request for `requested`, if it did.
    pub(super) fn into_clamped(self, requested: Scaling) -> Option<Clamped> {
        let reason = self
            .msg
            .unwrap_or_else(|| "the gateway gave no reason".to_owned());
        let granted = granted(requested, &reason);
        (!self.ok).then_some(Clamped { reason, granted })
    }
}

impl Clamped {
    /// The number of workers that start whatever the work needs; `None` if it is unknown.
    pub(crate) fn workers(&self) -> Option<u32> {
        match self.granted? {
            Scaling::Fixed(count) => Some(count),
            Scaling::Adaptive { minimum, .. } => minimum,
            Scaling::Off => None,
        }
    }
}

/// Reads the granted scaling from the server's explanation, the only place that holds it
/// (`routes.py`, `scale_cluster` and `adapt_cluster`).
fn granted(requested: Scaling, reason: &str) -> Option<Scaling> {
    let last_after = |start: &str| reason.rsplit_once(start)?.1.strip_suffix(" instead.");
    match requested {
        Scaling::Fixed(count) => {
            let granted = last_after("Scaling to ")?.parse().ok()?;
            (granted <= count).then_some(Scaling::Fixed(granted))
        }
        Scaling::Adaptive { .. } => {
            let bounds = last_after("Using `maximum=")?.strip_suffix('`')?;
            let (maximum, minimum) = bounds.split_once(", minimum=")?;
            Some(Scaling::Adaptive {
                minimum: Some(minimum.parse().ok()?),
                maximum: Some(maximum.parse().ok()?),
            })
        }
        Scaling::Off => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIXED: Scaling = Scaling::Fixed(9);
    const ADAPTIVE: Scaling = adaptive(Some(1), Some(99));

    const SCALE: &str = "Scale request of 9 workers would exceed resource limit of 4 workers. \
                         Scaling to 4 instead.";
    const ADAPT: &str = "Adapt with `maximum=99, minimum=1` workers would exceed resource limit of \
                         4 workers. Using `maximum=4, minimum=1` instead.";

    const fn adaptive(minimum: Option<u32>, maximum: Option<u32>) -> Scaling {
        Scaling::Adaptive { minimum, maximum }
    }

    fn clamped(response: &Value, requested: Scaling) -> Option<Clamped> {
        let response = serde_json::from_value::<ScaleResponse>(response.clone());
        response.expect("a response").into_clamped(requested)
    }

    #[test]
    fn reads_granted_scaling_from_explanation() {
        assert_eq!(granted(FIXED, SCALE), Some(Scaling::Fixed(4)));
        assert_eq!(granted(ADAPTIVE, ADAPT), Some(adaptive(Some(1), Some(4))));
        let nothing = "Using `maximum=0, minimum=0` instead.";
        assert_eq!(granted(ADAPTIVE, nothing), Some(adaptive(Some(0), Some(0))));
    }

    #[test]
    fn accepts_as_many_workers_as_requested_but_no_more() {
        assert_eq!(granted(Scaling::Fixed(5), SCALE), Some(Scaling::Fixed(4)));
        assert_eq!(granted(Scaling::Fixed(4), SCALE), Some(Scaling::Fixed(4)));
        assert_eq!(granted(Scaling::Fixed(3), SCALE), None);
    }

    #[test]
    fn grant_is_unknown_for_other_explanations() {
        for (requested, reason) in [
            (FIXED, ADAPT),
            (ADAPTIVE, SCALE),
            (Scaling::Off, SCALE),
            (Scaling::Off, ADAPT),
            (FIXED, ""),
            (FIXED, "Scaling to many instead."),
            (FIXED, "Scaling to -4 instead."),
            (FIXED, "Scaling to 4 workers."),
            (FIXED, "4 instead."),
            (ADAPTIVE, ""),
            (ADAPTIVE, "Using `maximum=4` instead."),
            (ADAPTIVE, "Using `maximum=4, minimum=1 instead."),
            (ADAPTIVE, "Using `maximum=4, minimum=1`."),
            (ADAPTIVE, "Using `maximum=4, minimum=x` instead."),
            (ADAPTIVE, "Using `maximum=x, minimum=1` instead."),
        ] {
            assert_eq!(granted(requested, reason), None, "{requested:?}: {reason}");
        }
    }

    #[test]
    fn response_is_clamped_only_if_not_ok() {
        let refused = json!({"ok": false, "msg": SCALE});
        let expected = Clamped {
            reason: SCALE.to_owned(),
            granted: Some(Scaling::Fixed(4)),
        };
        assert_eq!(clamped(&refused, FIXED), Some(expected));
        assert_eq!(clamped(&json!({"ok": true, "msg": SCALE}), FIXED), None);
        assert_eq!(clamped(&json!({"ok": true, "msg": null}), FIXED), None);
        let unexplained = Clamped {
            reason: "the gateway gave no reason".to_owned(),
            granted: None,
        };
        assert_eq!(clamped(&json!({"ok": false}), FIXED), Some(unexplained));
    }

    #[test]
    fn counts_the_workers_that_always_start() {
        let workers = |granted| {
            let reason = String::new();
            Clamped { reason, granted }.workers()
        };
        assert_eq!(workers(Some(Scaling::Fixed(4))), Some(4));
        assert_eq!(workers(Some(adaptive(Some(2), Some(7)))), Some(2));
        assert_eq!(workers(Some(adaptive(None, Some(7)))), None);
        assert_eq!(workers(Some(Scaling::Off)), None);
        assert_eq!(workers(None), None);
    }

    #[test]
    fn request_names_route_and_numbers() {
        assert_eq!(FIXED.request(), ("/scale", json!({"count": 9})));
        let body = json!({"minimum": null, "maximum": 7, "active": true});
        assert_eq!(adaptive(None, Some(7)).request(), ("/adapt", body));
        assert_eq!(Scaling::Off.request(), ("/adapt", json!({"active": false})));
    }
}
