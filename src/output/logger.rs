//! The log of `-v`, on stderr. Other crates' messages are not shown, because they may hold secrets.

use jiff::Timestamp;
use log::{Level, LevelFilter, Log, Metadata, Record};

use super::escape;
use super::stderr::print_line;

struct Logger;

/// Logs each line with its time in UTC. Shows with `verbosity` 1 requests and other important steps, with 2 also the headers of responses,
/// with 3 everything.
pub(super) fn install(verbosity: u8) {
    let level = match verbosity {
        0 => return,
        1 => LevelFilter::Info,
        2 => LevelFilter::Debug,
        _ => LevelFilter::Trace,
    };
    if log::set_logger(&Logger).is_ok() {
        log::set_max_level(level);
    }
}

impl Log for Logger {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with(env!("CARGO_CRATE_NAME"))
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            let mark = if record.level() == Level::Info {
                "*"
            } else {
                "-"
            };
            let text = record.args().to_string();
            let time = Timestamp::now();
            print_line(&format!("{time:.3} {mark} {}", escape::text(&text)));
        }
    }

    fn flush(&self) {}
}
