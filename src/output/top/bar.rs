//! Bars of a line each: a heavy part and the rest.

use ratatui::style::Style;
use ratatui::text::Span;

use super::look::Look;

/// `share` of `width` cells, to half a cell. What is unknown has no heavy part, and more than all
/// is all.
pub(super) fn bar(share: Option<f64>, width: u16, style: Style, look: Look) -> [Span<'static>; 2] {
    let halves = share.map_or(0, |share| part(share, width.saturating_mul(2)));
    // A little is more than nothing.
    let halves = match share {
        Some(share) if share > 0.0 && width > 0 => halves.max(1),
        _ => halves,
    };
    let mut heavy = "━".repeat(usize::from(halves / 2));
    if halves % 2 == 1 {
        heavy.push('╸');
    }
    let rest = width - halves.div_ceil(2);
    [
        Span::styled(heavy, style),
        Span::styled("─".repeat(usize::from(rest)), look.faint()),
    ]
}

/// `share` in per cent, in four places.
pub(super) fn percent(share: Option<f64>) -> String {
    share.map_or_else(
        || "   ?".to_owned(),
        |share| format!("{:>3.0}%", (share * 100.0).min(999.0)),
    )
}

/// `share` of `whole`, rounded, at most `whole`.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped before"
)]
pub(super) fn part(share: f64, whole: u16) -> u16 {
    (share.clamp(0.0, 1.0) * f64::from(whole)).round() as u16
}

/// `part` of `whole`; unknown where the whole is nothing.
pub(super) fn share(part: Option<u64>, whole: Option<u64>) -> Option<f64> {
    let (part, whole) = (part?, whole.filter(|whole| *whole > 0)?);
    Some(float(part) / float(whole))
}

#[expect(clippy::cast_precision_loss, reason = "a bar has few cells")]
pub(super) fn float(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_as_long_as_it_should_be_and_as_full() {
        let look = Look { has_colour: false };
        for (share, text) in [
            (None, "────"),
            (Some(0.0), "────"),
            (Some(0.001), "╸───"),
            (Some(0.5), "━━──"),
            (Some(0.6), "━━╸─"),
            (Some(7.0), "━━━━"),
            (Some(f64::NAN), "────"),
        ] {
            let drawn = bar(share, 4, Style::new(), look);
            let drawn = drawn.map(|span| span.content.into_owned()).concat();
            assert_eq!(drawn, text, "{share:?}");
        }
        assert_eq!(bar(Some(0.5), 0, Style::new(), look)[0].content, "");
        assert_eq!(percent(Some(123.0)), "999%");
        assert_eq!(share(Some(1), Some(0)), None);
    }
}
