//! Checks of the repository itself.

use std::fs;
use std::path::{Path, PathBuf};

use regex::Regex;

use crate::support::repository;

/// A test in an undeclared file would never run.
#[test]
fn every_test_file_is_a_module() {
    let directory = repository().join("tests/it");
    let root = directory.join("main.rs");
    let files = source_files(&directory);
    assert!(files.len() > 20, "only {files:?}");
    for file in files.iter().filter(|file| **file != root) {
        let parent = parent_module(file, &directory, &root);
        let text = fs::read_to_string(&parent).unwrap_or_default();
        let pattern = format!(r"(?m)^(?:pub(?:\(\w+\))? )?mod {};", module_name(file));
        let declaration = Regex::new(&pattern).expect("a valid pattern");
        assert!(
            declaration.is_match(&text),
            "`{}` is not declared in `{}`",
            file.display(),
            parent.display()
        );
    }
}

fn source_files(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).expect("a directory");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let files_in = |path: PathBuf| match path.extension() {
        _ if path.is_dir() => source_files(&path),
        Some(extension) if extension == "rs" => vec![path],
        _ => Vec::new(),
    };
    paths.flat_map(files_in).collect()
}

/// Returns the file that must declare `file`: `a.rs` for `a/b.rs`.
fn parent_module(file: &Path, directory: &Path, root: &Path) -> PathBuf {
    match file.parent().expect("a directory") {
        parent if parent == directory => root.to_owned(),
        parent => parent.with_extension("rs"),
    }
}

fn module_name(file: &Path) -> &str {
    let name = file.file_stem().and_then(|name| name.to_str());
    name.expect("a name")
}

/// The wheel links to the shipped files, in a directory for each section of man pages.
#[test]
fn wheel_has_every_man_page() {
    let names = |directory: &str| {
        let entries = fs::read_dir(repository().join(directory)).expect(directory);
        let mut names = entries
            .map(|entry| entry.expect("an entry").file_name())
            .filter_map(|name| name.into_string().ok())
            .collect::<Vec<_>>();
        names.sort();
        names
    };
    let mut linked = Vec::new();
    for section in names("packaging/wheel/data/share/man") {
        let directory = format!("packaging/wheel/data/share/man/{section}");
        for name in names(&directory) {
            let page = repository().join(&directory).join(&name);
            assert!(page.is_file(), "{}", page.display());
            let extension = section.trim_start_matches("man");
            assert!(
                name.ends_with(&format!(".{extension}")),
                "{}",
                page.display()
            );
            linked.push(name);
        }
    }
    linked.sort();
    assert_eq!(linked, names("man"));
}

#[test]
fn change_log_has_this_version() {
    let log = fs::read_to_string(repository().join("CHANGELOG.md")).expect("CHANGELOG.md");
    assert!(log.contains(&format!("## {}", env!("CARGO_PKG_VERSION"))));
}
