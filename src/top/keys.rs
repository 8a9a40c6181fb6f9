//! What keys do.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use super::model::{ClusterKey, Model, SortOrder};
use super::widgets::{sorted_keys, titles};

/// What the program does after a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KeyAction {
    Continue,
    /// Request what is shown now at once.
    Poll,
    /// Return to the shell for a while.
    Suspend,
    Quit,
}

/// Takes in a pressed key.
pub(super) fn press(key: KeyEvent, model: &mut Model) -> KeyAction {
    if key.kind == KeyEventKind::Release {
        return KeyAction::Continue;
    }
    if key.modifiers.contains(KeyModifiers::CONTROL) {
        return match key.code {
            KeyCode::Char('c') => KeyAction::Quit,
            KeyCode::Char('z') => KeyAction::Suspend,
            _ => KeyAction::Continue,
        };
    }
    if model.shows_help() && key.code != KeyCode::Char('q') {
        // Any key closes the list of keys, and does nothing else.
        model.show_help(false);
        return KeyAction::Continue;
    }
    let is_opened = model.opened_key().is_some();
    let page = model.visible_rows().max(1).cast_signed();
    match key.code {
        KeyCode::Char('q') => return KeyAction::Quit,
        KeyCode::Char('?' | 'h') => model.show_help(true),
        KeyCode::Down | KeyCode::Char('j') => move_by(model, 1),
        KeyCode::Up | KeyCode::Char('k') => move_by(model, -1),
        KeyCode::PageDown | KeyCode::Char(' ') => move_by(model, page),
        KeyCode::PageUp => move_by(model, -page),
        KeyCode::Home | KeyCode::Char('g') => move_by(model, isize::MIN),
        KeyCode::End | KeyCode::Char('G') => move_by(model, isize::MAX),
        KeyCode::Char('s' | '>') => sort_by_neighbour(model, 1),
        KeyCode::Char('S' | '<') => sort_by_neighbour(model, -1),
        KeyCode::Char('r') => {
            let is_reversed = !model.order().is_reversed;
            model.sort(SortOrder {
                is_reversed,
                ..model.order()
            });
        }
        KeyCode::Enter | KeyCode::Right if !is_opened => {
            if let Some(key) = key_at_distance(model, 0) {
                model.open(key);
                return KeyAction::Poll;
            }
        }
        KeyCode::Esc | KeyCode::Backspace | KeyCode::Left if is_opened => {
            model.close();
            return KeyAction::Poll;
        }
        _ => {}
    }
    KeyAction::Continue
}

/// Scrolls the workers, or moves the selection of a cluster.
fn move_by(model: &mut Model, rows: isize) {
    if model.opened().is_some() {
        model.scroll_by(rows);
    } else {
        let key = key_at_distance(model, rows);
        model.select(key);
    }
}

/// Returns the cluster so many rows below the selected one; below the first, where none is selected.
fn key_at_distance(model: &Model, rows: isize) -> Option<ClusterKey> {
    let keys = sorted_keys(model);
    let selected = keys
        .iter()
        .position(|key| Some(*key) == model.selected_key());
    let last = keys.len().saturating_sub(1);
    let at = selected.unwrap_or(0).saturating_add_signed(rows).min(last);
    keys.get(at).map(|key| (*key).clone())
}

/// Sorts by the column so many places to the right, and begins again after the last.
fn sort_by_neighbour(model: &mut Model, step: isize) {
    let count = titles(model.table()).len();
    let column = (model.order().column + count).saturating_add_signed(step) % count;
    model.sort(SortOrder::by(column));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::top::tests::sample;

    /// Three clusters with 20 workers each, on a screen of six rows.
    fn model() -> Model {
        let clusters = ["a", "b", "c"].map(|name| sample::reporting(name, 20));
        let mut model = sample::model(clusters.into());
        model.sort(SortOrder::by(0));
        model.drawn(6);
        model
    }

    fn selected_name(model: &Model) -> Option<&str> {
        model.selected_key().map(|key| key.name.as_str())
    }

    fn press_all(model: &mut Model, keys: &[KeyCode]) -> KeyAction {
        let press = |key: &KeyCode| press(KeyEvent::new(*key, KeyModifiers::NONE), model);
        keys.iter().map(press).last().expect("a key")
    }

    #[test]
    fn selection_moves_opens_and_returns() {
        use KeyCode::{Char, Down, End, Enter, Esc, Home, PageUp, Up};
        let mut model = model();
        for (keys, selected) in [
            (&[Down][..], "b"),
            (&[Char('j'), Char('j'), Char('j')], "c"),
            (&[Up], "b"),
            (&[PageUp], "a"),
            (&[End], "c"),
            (&[Char('r'), Down], "b"),
            (&[Home], "c"),
        ] {
            assert_eq!(press_all(&mut model, keys), KeyAction::Continue);
            assert_eq!(selected_name(&model), Some(selected), "{keys:?}");
        }
        assert_eq!(press_all(&mut model, &[Enter]), KeyAction::Poll);
        assert_eq!(model.opened_key(), Some(&sample::key("c")));
        assert_eq!(press_all(&mut model, &[Enter]), KeyAction::Continue);
        assert_eq!(press_all(&mut model, &[Esc]), KeyAction::Poll);
        assert_eq!(model.opened_key(), None);
        assert_eq!(press_all(&mut model, &[Esc]), KeyAction::Continue);
    }

    #[test]
    fn without_clusters_there_is_nothing_to_open() {
        let mut model = sample::model(Vec::new());
        let keys = [KeyCode::Down, KeyCode::Enter];
        assert_eq!(press_all(&mut model, &keys), KeyAction::Continue);
        assert_eq!(model.opened_key(), None);
    }

    #[test]
    fn workers_scroll_no_further_than_the_last() {
        use KeyCode::{Char, Down, End, Enter, Home, PageDown};
        let mut model = model();
        press_all(&mut model, &[Enter]);
        for (keys, scroll) in [
            (&[Down][..], 1),
            (&[PageDown], 7),
            (&[PageDown, PageDown], 14),
            (&[Char('k')], 13),
            (&[Home], 0),
            (&[End], 14),
        ] {
            assert_eq!(press_all(&mut model, keys), KeyAction::Continue);
            assert_eq!(model.scroll(6), scroll, "{keys:?}");
        }
        let report = sample::report(10);
        model.report_arrived(&sample::key("a"), Ok(report));
        press_all(&mut model, &[Char('k')]);
        assert_eq!(model.scroll(6), 3, "most of them are gone");
    }

    #[test]
    fn sorting_begins_again_after_the_last_column() {
        use KeyCode::{Char, Enter, Esc};
        let mut model = model();
        press_all(&mut model, &[Char('S')]);
        assert_eq!(model.order().column, titles(model.table()).len() - 1);
        press_all(&mut model, &[Char('r')]);
        assert!(model.order().is_reversed);
        press_all(&mut model, &[Char('s')]);
        assert_eq!(model.order(), SortOrder::by(0));
        press_all(&mut model, &[Enter, Char('>')]);
        assert_eq!(
            model.order(),
            SortOrder::by(1),
            "the workers have their own"
        );
        press_all(&mut model, &[Esc]);
        assert_eq!(model.order(), SortOrder::by(0));
    }

    #[test]
    fn control_keys_quit_and_suspend() {
        let mut model = model();
        let mut control = |key| {
            let key = KeyEvent::new(KeyCode::Char(key), KeyModifiers::CONTROL);
            press(key, &mut model)
        };
        assert_eq!(control('c'), KeyAction::Quit);
        assert_eq!(control('z'), KeyAction::Suspend);
        assert_eq!(control('q'), KeyAction::Continue);
    }

    #[test]
    fn any_key_but_q_only_closes_the_help() {
        let mut model = model();
        press_all(&mut model, &[KeyCode::Char('?')]);
        assert!(model.shows_help());
        let mut release = KeyEvent::new(KeyCode::Char('?'), KeyModifiers::NONE);
        release.kind = KeyEventKind::Release;
        assert_eq!(press(release, &mut model), KeyAction::Continue);
        assert!(model.shows_help(), "releasing a key does nothing");
        assert_eq!(
            press_all(&mut model, &[KeyCode::Enter]),
            KeyAction::Continue
        );
        assert!(!model.shows_help() && model.opened_key().is_none());
        press_all(&mut model, &[KeyCode::Char('h')]);
        assert_eq!(
            press_all(&mut model, &[KeyCode::Char('q')]),
            KeyAction::Quit
        );
    }
}
