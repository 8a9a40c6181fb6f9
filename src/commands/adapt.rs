//! `dgw adapt`

use super::scale;
use crate::cli::AdaptArgs;
use crate::error::Error;
use crate::gateway::{Gateway, Scaling};
use crate::output::Printer;

/// Switches adaptive scaling on or off.
pub(super) async fn run(
    args: &AdaptArgs,
    gateway: &Gateway,
    printer: &Printer,
) -> Result<(), Error> {
    let scaling = match (args.off, args.min, args.max) {
        (true, ..) => Scaling::Off,
        // The server takes it and lets the maximum win.
        (false, Some(minimum), Some(maximum)) if minimum > maximum => {
            return Err(Error::Usage(format!(
                "the minimum, {minimum}, is above the maximum, {maximum}"
            )));
        }
        (false, minimum, maximum) => Scaling::Adaptive { minimum, maximum },
    };
    let (name, clamped) =
        scale::apply(&args.target, &args.force_args, scaling, gateway, printer).await?;
    scale::unless_clamped(&name, clamped)
}
