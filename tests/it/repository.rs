//! What the repository says of dgw is true.

use std::fs;

use crate::support::repository;

/// The wheel's data are links to what is shipped otherwise too.
#[test]
fn the_wheel_has_every_man_page() {
    let names = |folder: &str| {
        let entries = fs::read_dir(repository().join(folder)).expect(folder);
        let mut names = entries
            .map(|entry| entry.expect("an entry").file_name())
            .collect::<Vec<_>>();
        names.sort();
        names
    };
    let linked = "packaging/wheel/data/share/man/man1";
    assert_eq!(names(linked), names("man"));
    for name in names("man") {
        let page = repository().join(linked).join(name);
        assert!(page.is_file(), "{}", page.display());
    }
}

#[test]
fn the_change_log_knows_this_version() {
    let log = fs::read_to_string(repository().join("CHANGELOG.md")).expect("CHANGELOG.md");
    assert!(log.contains(&format!("## {}", env!("CARGO_PKG_VERSION"))));
}
