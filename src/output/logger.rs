//! `-v`: what dgw does, on stderr. Other crates' messages are not shown: nobody here has read
//! them for secrets.

use std::io::Write as _;

use log::{Level, LevelFilter, Log, Metadata, Record};

use super::escape;

struct Logger;

/// Shows what `verbosity` asks for: 1 the requests and what counts, 2 the answers' headers too,
/// 3 all there is.
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
            let _ = writeln!(anstream::stderr().lock(), "{mark} {}", escape::text(&text));
        }
    }

    fn flush(&self) {}
}
