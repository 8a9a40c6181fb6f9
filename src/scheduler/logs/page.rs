//! A log as the web page that the scheduler's dashboard shows: the lines as they were logged.
//!
//! Their times are local ones of the scheduler's machine, and the page doesn't tell its zone.

use super::{FetchedLog, LogEntry, SchedulerError, Source, http};

/// What every release since 2022.4 makes of its template, for the scheduler and for a worker.
const TITLE: [&str; 2] = ["<title> Logs </title>", "<title> Logs: "];
const BEGIN: &str = "<p> ";
const END: &str = " </p>";

/// What the template makes of characters that mean something in HTML; `&` comes last, as it stands
/// in the others.
const ESCAPED: [(&str, &str); 6] = [
    ("&lt;", "<"),
    ("&gt;", ">"),
    ("&quot;", "\""),
    ("&#x27;", "'"),
    ("&#39;", "'"),
    ("&amp;", "&"),
];

/// The log on the page that came from `url`.
///
/// # Errors
/// It is another page, as a login.
pub(super) fn read(url: &str, page: &[u8]) -> Result<FetchedLog, SchedulerError> {
    let page = String::from_utf8_lossy(page);
    if !TITLE.iter().any(|title| page.contains(title)) {
        return Err(http::foreign(url, "something else than its log"));
    }
    let paragraphs = page.split(BEGIN).skip(1);
    let lines = paragraphs.filter_map(|paragraph| Some(paragraph.split_once(END)?.0));
    let mut entries = lines
        .map(|line| LogEntry::untimed(unescaped(line)))
        .collect::<Vec<_>>();
    let mut times = entries.iter().filter_map(LogEntry::printed_time);
    let is_oldest_first = times.next() < times.next_back();
    if !is_oldest_first {
        entries.reverse();
    }
    Ok(FetchedLog {
        entries,
        source: Source::Page,
    })
}

fn unescaped(line: &str) -> String {
    let mut line = line.to_owned();
    for (escaped, plain) in ESCAPED {
        line = line.replace(escaped, plain);
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(lines: &[&str]) -> String {
        let lines = lines.iter().map(|line| format!("\n<p> {line} </p>\n"));
        format!(
            "<html>\n<title> Logs </title>\n<body>\n{}\n<script></script></body></html>",
            lines.collect::<String>()
        )
    }

    fn texts(page: &str) -> Vec<String> {
        let log = read("http://h/", page.as_bytes()).expect("a log");
        log.entries.into_iter().map(|entry| entry.text).collect()
    }

    #[test]
    fn lines_are_as_they_were_logged_oldest_first() {
        let early = "2026-11-21 04:46:47,682 - a - INFO - &lt;p&gt; &amp;lt; &quot;it&#x27;s&quot; &lt;/p&gt;";
        let late = "2026-11-21 04:46:48,685 - a - ERROR - Traceback:\n  File";
        let expected = [
            "2026-11-21 04:46:47,682 - a - INFO - <p> &lt; \"it's\" </p>",
            late,
        ];
        assert_eq!(texts(&page(&[late, early])), expected);
        assert_eq!(texts(&page(&[early, late])), expected);
        assert!(texts(&page(&[])).is_empty());
        assert_eq!(
            texts(&page(&["other", "format"])),
            ["format", "other"],
            "newest first where nothing tells"
        );
    }

    #[test]
    fn levels_are_told_where_the_format_is_dasks() {
        let log = page(&["2026-11-21 04:46:48,685 - a.b - WARNING - x - y", "other"]);
        let log = read("http://h/", log.as_bytes()).expect("a log");
        let levels = log.entries.iter().map(|entry| entry.level.as_deref());
        assert_eq!(levels.collect::<Vec<_>>(), [None, Some("WARNING")]);
    }

    #[test]
    fn another_page_is_no_log() {
        for other in ["", "<html><title> Sign in </title><p> Logs </p>", "[]"] {
            assert!(read("http://h/", other.as_bytes()).is_err(), "{other}");
        }
    }
}
