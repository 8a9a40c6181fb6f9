//! What the terminal that dgw is run in can do.

/// Whether it moves no cursor and clears no line: as a file does, it just takes text.
pub(crate) fn is_dumb() -> bool {
    std::env::var_os("TERM").is_some_and(|term| term == "dumb")
}
