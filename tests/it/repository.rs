//! What the repository says of dgw is true.

use std::fs;

use crate::support::{User, repository};

#[test]
fn the_readme_gives_every_exit_code_as_the_help_does() {
    let help = User::new().stdout(&["--help"]);
    let readme = fs::read_to_string(repository().join("README.md")).expect("README.md");
    let codes = help
        .split("Exit codes:")
        .nth(1)
        .expect("exit codes in the help");
    for line in codes.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (code, meaning) = line.split_once("  ").expect("a code and its meaning");
        assert!(
            readme.contains(&format!("| {code} | {meaning} |")),
            "{line}"
        );
    }
}

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
