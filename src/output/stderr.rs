//! Lines on stderr.

#[cfg(not(test))]
pub(super) use real::print_line;
#[cfg(test)]
pub(crate) use recorded::{print_line, take_lines};

#[cfg(not(test))]
mod real {
    use std::io::Write as _;

    /// Prints a line on stderr; a failure can't be reported anywhere.
    pub(in super::super) fn print_line(text: &str) {
        let _ = writeln!(anstream::stderr().lock(), "{text}");
    }
}

#[cfg(test)]
mod recorded {
    use std::cell::RefCell;

    thread_local! {
        static LINES: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
    }

    /// Keeps a line for [`take_lines`].
    pub(crate) fn print_line(text: &str) {
        LINES.with_borrow_mut(|lines| lines.push(text.to_owned()));
    }

    /// Returns what this thread has printed on stderr since the last call.
    pub(crate) fn take_lines() -> Vec<String> {
        LINES.take()
    }
}
