//! Bars of one line, alone and with their numbers.

use ratatui::style::Color;
use ratatui::text::{Line, Span};

use crate::output::used_of;
use crate::top::measures::share;
use crate::top::theme::{self, FAINT};

/// The cells of ` 100%`.
pub(super) const PERCENT: u16 = 5;

/// The cells of `  123.9/1023.9 GiB`.
const AMOUNTS: u16 = 18;

/// A bar of fewer cells is of no use.
const SHORTEST: u16 = 3;

/// Returns a bar and its percentage, or the percentage alone where there is no room.
pub(super) fn gauge(share: Option<f64>, width: u16, colour: Color) -> Line<'static> {
    let percent = percent(share);
    if width < PERCENT + SHORTEST {
        return Line::styled(percent, colour);
    }
    let [filled, rest] = bar(share, width - PERCENT, colour);
    Line::from(vec![filled, rest, Span::raw(format!(" {percent}"))])
}

/// Returns a bar and its percentage, and the amounts where there is room. Without a limit there is
/// no percentage, so the amounts are shown alone.
pub(super) fn memory_gauge(
    used: Option<u64>,
    limit: Option<u64>,
    width: u16,
) -> Option<Line<'static>> {
    let amounts = used_of(used, limit)?;
    let share = share(used, limit);
    let colour = theme::memory(share);
    if width >= AMOUNTS + PERCENT + SHORTEST {
        let mut line = gauge(share, width - AMOUNTS, colour);
        let room = usize::from(AMOUNTS - 2);
        line.push_span(Span::raw(format!("  {amounts:<room$}")));
        Some(line)
    } else if share.is_some() {
        Some(gauge(share, width, colour))
    } else {
        Some(Line::raw(amounts))
    }
}

/// Returns the filled part and the rest of a bar, to half a cell. An unknown share fills nothing.
fn bar(share: Option<f64>, width: u16, colour: Color) -> [Span<'static>; 2] {
    let halves = match share {
        None => 0,
        Some(share) => {
            // A little is more than nothing.
            let least = u16::from(share > 0.0 && width > 0);
            part(share, width.saturating_mul(2)).max(least)
        }
    };
    let mut filled = "━".repeat(usize::from(halves / 2));
    if halves % 2 == 1 {
        filled.push('╸');
    }
    let rest = usize::from(width - halves.div_ceil(2));
    [
        Span::styled(filled, colour),
        Span::styled("─".repeat(rest), FAINT),
    ]
}

/// Returns a percentage in four cells.
fn percent(share: Option<f64>) -> String {
    share.map_or_else(
        || "   ?".to_owned(),
        |share| format!("{:>3.0}%", (share * 100.0).min(999.0)),
    )
}

/// Returns `share` of `whole`, rounded, at most `whole`.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped before"
)]
pub(super) fn part(share: f64, whole: u16) -> u16 {
    (share.clamp(0.0, 1.0) * f64::from(whole)).round() as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bar_has_its_width_and_is_filled_by_its_share() {
        for (share, text) in [
            (None, "────"),
            (Some(0.0), "────"),
            (Some(0.001), "╸───"),
            (Some(0.5), "━━──"),
            (Some(0.6), "━━╸─"),
            (Some(7.0), "━━━━"),
            (Some(f64::NAN), "────"),
        ] {
            let spans = bar(share, 4, Color::Reset);
            let drawn = spans.map(|span| span.content.into_owned()).concat();
            assert_eq!(drawn, text, "{share:?}");
        }
        assert_eq!(bar(Some(0.5), 0, Color::Reset)[0].content, "");
        assert_eq!(percent(Some(123.0)), "999%");
    }

    #[test]
    fn gauge_without_room_is_a_number() {
        let gauge = |width| gauge(Some(0.5), width, Color::Reset).to_string();
        assert_eq!(gauge(7), " 50%");
        assert_eq!(gauge(8), "━╸─  50%");
    }

    #[test]
    fn memory_gauge_shows_what_is_known_and_has_room() {
        const GIB: u64 = 1 << 30;
        let gauge = |used, limit, width| {
            let gauge = memory_gauge(used, limit, width);
            gauge.map(|line| line.to_string())
        };
        let (used, limit) = (Some(GIB), Some(4 * GIB));
        assert_eq!(gauge(used, limit, 8).as_deref(), Some("━──  25%"));
        assert_eq!(
            gauge(used, limit, 25).map(|line| line.contains("GiB")),
            Some(false)
        );
        let wide = "━──  25%  1.0/4.0 GiB     ";
        assert_eq!(gauge(used, limit, 26).as_deref(), Some(wide));
        assert_eq!(gauge(used, None, 8).as_deref(), Some("1.0/? GiB"));
        assert_eq!(gauge(None, None, 8), None);
    }
}
