//! What a gateway grants where it does less than it was asked for.

use super::endpoints::Scaling;

/// The gateway did less than asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Clamped {
    /// Why, in its own words.
    pub(crate) reason: String,
    /// What it does in place of what it was asked; unknown where its words are none that a server
    /// is known to use.
    pub(crate) granted: Option<Scaling>,
}

impl Clamped {
    /// What `reason` says of a request for `asked`.
    pub(super) fn new(asked: Scaling, reason: String) -> Self {
        let granted = granted(asked, &reason);
        Self { reason, granted }
    }

    /// So many workers come by themselves, whatever the work asks for; unknown as above.
    pub(crate) fn workers(&self) -> Option<u32> {
        match self.granted? {
            Scaling::Fixed(count) => Some(count),
            Scaling::Adaptive { minimum, .. } => minimum,
            Scaling::Off => None,
        }
    }
}

/// The server tells it in its sentence alone (`routes.py`, `scale_cluster` and `adapt_cluster`).
fn granted(asked: Scaling, reason: &str) -> Option<Scaling> {
    let end = |start: &str| reason.rsplit_once(start)?.1.strip_suffix(" instead.");
    match asked {
        Scaling::Fixed(count) => {
            let granted = end("Scaling to ")?.parse().ok()?;
            (granted <= count).then_some(Scaling::Fixed(granted))
        }
        Scaling::Adaptive { .. } => {
            let bounds = end("Using `maximum=")?.strip_suffix('`')?;
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

    const ADAPTIVE: Scaling = Scaling::Adaptive {
        minimum: Some(1),
        maximum: Some(99),
    };

    #[test]
    fn what_is_granted_stands_in_the_servers_sentence() {
        let scale = "Scale request of 9 workers would exceed resource limit of 4 workers. \
                     Scaling to 4 instead.";
        let fixed = granted(Scaling::Fixed(9), scale);
        assert_eq!(fixed, Some(Scaling::Fixed(4)));
        let adapt = "Adapt with `maximum=99, minimum=1` workers would exceed resource limit of 4 \
                     workers. Using `maximum=4, minimum=1` instead.";
        let range = Scaling::Adaptive {
            minimum: Some(1),
            maximum: Some(4),
        };
        assert_eq!(granted(ADAPTIVE, adapt), Some(range));
        for (asked, reason) in [
            (Scaling::Fixed(9), adapt),
            (ADAPTIVE, scale),
            (Scaling::Off, scale),
            (Scaling::Fixed(3), scale),
            (Scaling::Fixed(9), "Scaling to many instead."),
            (Scaling::Fixed(9), "Scaling to -4 instead."),
            (ADAPTIVE, "Using `maximum=4` instead."),
            (ADAPTIVE, ""),
        ] {
            assert_eq!(granted(asked, reason), None, "{reason}");
        }
    }
}
