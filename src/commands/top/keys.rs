//! What keys do.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use crate::output::top::{Sorting, View, sorted_clusters, titles};

/// What follows from a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KeyAction {
    Stay,
    /// Something else is looked at now: ask at once.
    Look,
    /// Let the shell have the terminal for a while.
    Stop,
    Quit,
}

/// Does what `key` is for. `in_sight` is how many rows the screen shows.
pub(super) fn press(key: KeyEvent, view: &mut View, in_sight: usize) -> KeyAction {
    if key.kind == KeyEventKind::Release {
        return KeyAction::Stay;
    }
    if key.modifiers.contains(KeyModifiers::CONTROL) {
        return match key.code {
            KeyCode::Char('c') => KeyAction::Quit,
            KeyCode::Char('z') => KeyAction::Stop,
            _ => KeyAction::Stay,
        };
    }
    if view.has_help {
        // Whatever it is, the screen comes first.
        view.has_help = false;
        return match key.code {
            KeyCode::Char('q') => KeyAction::Quit,
            _ => KeyAction::Stay,
        };
    }
    let page = in_sight.max(1).cast_signed();
    match key.code {
        KeyCode::Char('q') => return KeyAction::Quit,
        KeyCode::Char('?' | 'h') => view.has_help = true,
        KeyCode::Down | KeyCode::Char('j') => shift(view, 1, in_sight),
        KeyCode::Up | KeyCode::Char('k') => shift(view, -1, in_sight),
        KeyCode::PageDown | KeyCode::Char(' ') => shift(view, page, in_sight),
        KeyCode::PageUp => shift(view, -page, in_sight),
        KeyCode::Home | KeyCode::Char('g') => shift(view, isize::MIN, in_sight),
        KeyCode::End | KeyCode::Char('G') => shift(view, isize::MAX, in_sight),
        KeyCode::Char('s' | '>') => sort(view, 1),
        KeyCode::Char('S' | '<') => sort(view, -1),
        KeyCode::Char('r') => {
            let by = sorting(view);
            by.is_reversed = !by.is_reversed;
        }
        KeyCode::Enter | KeyCode::Right if view.shown.is_none() => return open(view),
        KeyCode::Esc | KeyCode::Backspace | KeyCode::Left if view.shown.is_some() => {
            view.shown = None;
            return KeyAction::Look;
        }
        _ => {}
    }
    KeyAction::Stay
}

/// Shows the chosen cluster in full.
fn open(view: &mut View) -> KeyAction {
    let names = sorted_clusters(view);
    let Some(name) = names.get(place(view, &names)) else {
        return KeyAction::Stay;
    };
    let name = (*name).to_owned();
    view.chosen = Some(name.clone());
    view.shown = Some(name);
    view.scroll = 0;
    KeyAction::Look
}

/// Where the chosen cluster stands; the first where it's gone.
fn place(view: &View, names: &[&str]) -> usize {
    let chosen = view.chosen.as_deref();
    let found = names.iter().position(|name| Some(*name) == chosen);
    found.unwrap_or(0)
}

/// Moves by so many rows: the workers, or the choice.
fn shift(view: &mut View, rows: isize, in_sight: usize) {
    if let Some(watched) = view.open() {
        let most = watched.workers().saturating_sub(in_sight);
        view.scroll = view.scroll.min(most).saturating_add_signed(rows).min(most);
        return;
    }
    let names = sorted_clusters(view);
    let last = names.len().saturating_sub(1);
    let to = place(view, &names).saturating_add_signed(rows).min(last);
    view.chosen = names.get(to).map(|name| (*name).to_owned());
}

fn sorting(view: &mut View) -> &mut Sorting {
    if view.shown.is_some() {
        &mut view.workers_by
    } else {
        &mut view.clusters_by
    }
}

fn sort(view: &mut View, step: isize) {
    let count = titles(view.shown.is_some()).len();
    let by = sorting(view);
    let next = (by.column + count).saturating_add_signed(step) % count;
    *by = Sorting {
        column: next,
        is_reversed: false,
    };
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jiff::Timestamp;

    use super::*;
    use crate::gateway::Cluster;
    use crate::output::top::Watched;
    use crate::scheduler::{SchedulerReport, Worker};

    fn cluster(name: &str) -> Watched {
        let worker = |nth: u32| Worker {
            name: Some(format!("{nth}")),
            address: String::new(),
            host: None,
            status: None,
            threads: None,
            cpu: None,
            memory: None,
            memory_limit: None,
            tasks: None,
            last_seen: None,
        };
        let mut watched = Watched::new(Cluster::running(name));
        let report = SchedulerReport {
            worker_details: Some((0..20).map(worker).collect()),
            ..SchedulerReport::default()
        };
        watched.hear(Timestamp::UNIX_EPOCH, Ok(report));
        watched
    }

    fn view() -> View {
        let by = Sorting {
            column: 0,
            is_reversed: false,
        };
        View {
            address: String::new(),
            every: Duration::from_secs(2),
            now: Timestamp::UNIX_EPOCH,
            heard: Timestamp::UNIX_EPOCH,
            fresh: Duration::from_secs(5),
            clusters: ["a", "b", "c"].map(cluster).into(),
            shown: None,
            chosen: None,
            scroll: 0,
            clusters_by: by,
            workers_by: by,
            trouble: None,
            has_help: false,
            has_colour: false,
        }
    }

    fn pressed(view: &mut View, keys: &[KeyCode]) -> KeyAction {
        let press = |key: &KeyCode| press(KeyEvent::new(*key, KeyModifiers::NONE), view, 6);
        keys.iter().map(press).last().expect("a key")
    }

    #[test]
    fn the_choice_moves_opens_and_comes_back() {
        use KeyCode::{Char, Down, End, Enter, Esc, Home, PageUp, Up};
        let mut view = view();
        for (keys, chosen) in [
            (&[Down][..], "b"),
            (&[Char('j'), Char('j'), Char('j')], "c"),
            (&[Up], "b"),
            (&[PageUp], "a"),
            (&[End], "c"),
            (&[Char('r'), Down], "b"),
            (&[Home], "c"),
        ] {
            assert_eq!(pressed(&mut view, keys), KeyAction::Stay);
            assert_eq!(view.chosen.as_deref(), Some(chosen), "{keys:?}");
        }
        assert_eq!(pressed(&mut view, &[Enter]), KeyAction::Look);
        assert_eq!(view.shown.as_deref(), Some("c"));
        assert_eq!(pressed(&mut view, &[Esc]), KeyAction::Look);
        assert_eq!(view.shown, None);
        view.clusters.clear();
        assert_eq!(pressed(&mut view, &[Down, Enter]), KeyAction::Stay);
    }

    #[test]
    fn workers_scroll_no_further_than_there_are_any() {
        use KeyCode::{Char, Down, End, Enter, Home, PageDown};
        let mut view = view();
        pressed(&mut view, &[Enter]);
        for (keys, scroll) in [
            (&[Down][..], 1),
            (&[PageDown], 7),
            (&[PageDown, PageDown], 14),
            (&[Char('k')], 13),
            (&[Home], 0),
            (&[End], 14),
        ] {
            assert_eq!(pressed(&mut view, keys), KeyAction::Stay);
            assert_eq!(view.scroll, scroll, "{keys:?}");
        }
        // Most of them are gone meanwhile.
        view.scroll = 1000;
        pressed(&mut view, &[Char('k')]);
        assert_eq!(view.scroll, 13);
    }

    #[test]
    fn columns_go_round() {
        use KeyCode::{Char, Enter};
        let mut view = view();
        pressed(&mut view, &[Char('S')]);
        assert_eq!(view.clusters_by.column, titles(false).len() - 1);
        pressed(&mut view, &[Char('r'), Char('s')]);
        let first = Sorting {
            column: 0,
            is_reversed: false,
        };
        assert_eq!(view.clusters_by, first);
        pressed(&mut view, &[Enter, Char('>')]);
        assert_eq!((view.clusters_by, view.workers_by.column), (first, 1));
    }

    #[test]
    fn control_keys_and_help() {
        let mut view = view();
        let control = |key| KeyEvent::new(KeyCode::Char(key), KeyModifiers::CONTROL);
        assert_eq!(press(control('c'), &mut view, 6), KeyAction::Quit);
        assert_eq!(press(control('z'), &mut view, 6), KeyAction::Stop);
        pressed(&mut view, &[KeyCode::Char('?')]);
        assert!(view.has_help);
        assert_eq!(pressed(&mut view, &[KeyCode::Enter]), KeyAction::Stay);
        assert!(!view.has_help && view.shown.is_none());
        assert_eq!(pressed(&mut view, &[KeyCode::Char('q')]), KeyAction::Quit);
    }
}
