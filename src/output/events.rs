//! The timeline of a cluster as lines that are easy to search.

use std::fmt::Write as _;

use anstyle::AnsiColor;

use super::escape;
use super::terminal::label;
use crate::scheduler::{ClusterEvent, EventKind};

/// The fields of every record.
pub(super) const FIELDS: [&str; 6] = ["time", "event", "name", "tasks", "text", "log"];

/// The longest kind of event.
const KINDS: usize = "worker-joined".len();

/// `2026-11-21T03:12:44Z worker-lost   NAME text`, and the lines of the worker's log indented.
pub(super) fn text(events: &[ClusterEvent]) -> String {
    events.iter().map(line).collect()
}

fn line(event: &ClusterEvent) -> String {
    let time = event.time.strftime("%Y-%m-%dT%H:%M:%SZ");
    let kind = format!("{:<KINDS$}", event.event.as_str());
    let kind = match event.event {
        EventKind::WorkerLost | EventKind::Error => label(&kind, AnsiColor::Red),
        EventKind::Warning => label(&kind, AnsiColor::Yellow),
        _ => kind,
    };
    let texts = [event.name.as_deref().unwrap_or(""), &event.text];
    let mut line = format!("{time} {kind}");
    for text in texts.into_iter().filter(|text| !text.is_empty()) {
        let _ = write!(line, " {}", escape::text(text));
    }
    line.truncate(line.trim_end_matches(' ').len());
    line.push('\n');
    for logged in &event.log {
        let _ = writeln!(line, "  {}", escape::text(logged));
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(event: EventKind, name: Option<&str>, text: &str) -> ClusterEvent {
        let time = jiff::Timestamp::from_second(1_795_230_764).expect("a time");
        ClusterEvent::new(time, event, name.map(str::to_owned), text.to_owned())
    }

    #[test]
    fn event_is_a_line_and_the_log_is_indented() {
        let mut lost = event(EventKind::WorkerLost, Some("w\x1b"), "a\nb");
        lost.log = vec!["end\r".to_owned()];
        let events = [event(EventKind::ClientLeft, Some("Client-a"), ""), lost];
        let text = anstream::adapter::strip_str(&text(&events)).to_string();
        assert_eq!(
            text,
            "2026-11-21T03:12:44Z client-left   Client-a\n2026-11-21T03:12:44Z worker-lost   \
             w\\x1b a\\nb\n  end\\r\n"
        );
    }

    #[test]
    fn fields_match_the_records_and_kinds_have_room() {
        let event = event(EventKind::WorkerJoined, None, "");
        let record = serde_json::to_value(&event).expect("a record");
        let fields = record.as_object().expect("an object").keys();
        assert_eq!(fields.collect::<Vec<_>>(), FIELDS);
        assert_eq!(record["event"], event.event.as_str());
    }
}
