//! The commands of documents that are not run here, but elsewhere.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use super::DOCUMENTS;
use super::page::{Block, Page};
use crate::support::repository;

/// A command that can't be run here.
struct Elsewhere {
    command: &'static str,
    why: &'static str,
    run_by: Where,
}

enum Where {
    /// This file has this text, by which it is run, or something like it.
    In(&'static str, &'static str),
    /// It's a program of the repository, and must be one that can be run.
    Program,
}

const ELSEWHERE: &[Elsewhere] = &[
    Elsewhere {
        command: "python3 tests/gateway tour",
        why: "builds dgw with all optimizations",
        run_by: Where::In(".ci/run", "python3 tests/gateway tour\n"),
    },
    Elsewhere {
        command: "cargo test",
        why: "is what runs this",
        run_by: Where::In(".ci/run", "cargo test --locked\n"),
    },
    Elsewhere {
        command: "cargo install --path .",
        why: "builds dgw with all optimizations",
        run_by: Where::In(".ci/run", "cargo install --locked --path . --root "),
    },
    Elsewhere {
        command: "packaging/release",
        why: "takes minutes, and a linker from PyPI",
        run_by: Where::Program,
    },
    Elsewhere {
        command: "packaging/check-macos",
        why: "takes minutes, and libraries of other systems",
        run_by: Where::Program,
    },
    Elsewhere {
        command: "pip install",
        why: "what it installs is made by packaging/release, which tries it",
        run_by: Where::In("packaging/release", "\"install\""),
    },
    Elsewhere {
        command: "pip install --no-index --find-links /srv/wheels dask-gateway-cli",
        why: "what it installs is made by packaging/release, which tries it",
        run_by: Where::In("packaging/release", "\"--no-index\""),
    },
    Elsewhere {
        command: "cargo test -- --ignored",
        why: "takes longer than all others together",
        run_by: Where::In(".ci/run", "cargo test --locked --test it -- --ignored "),
    },
    Elsewhere {
        command: "cargo test -- --ignored slurm",
        why: "is a part of the same",
        run_by: Where::In(".ci/run", "cargo test --locked --test it -- --ignored "),
    },
    Elsewhere {
        command: "cargo install --path . --features kerberos",
        why: "takes the system's Kerberos",
        run_by: Where::In(".ci/run", "cargo test --locked --features kerberos "),
    },
    Elsewhere {
        command: "cargo test --features kerberos -- --ignored kerberos",
        why: "takes a KDC",
        run_by: Where::In(
            ".ci/run",
            "cargo test --locked --features kerberos --test it -- --ignored kerberos::",
        ),
    },
    Elsewhere {
        command: ".ci/run",
        why: "runs this",
        run_by: Where::Program,
    },
    Elsewhere {
        command: "apt-get install --no-install-recommends slurmctld slurmd slurm-client munge sudo",
        why: "is for root",
        run_by: Where::In(".ci/run", " slurmctld slurmd slurm-client munge sudo"),
    },
    Elsewhere {
        command: "SNAPSHOTS=overwrite cargo test",
        why: "changes what it is compared with",
        run_by: Where::In("tests/it/support/user.rs", "\"SNAPSHOTS\""),
    },
    Elsewhere {
        command: "python3 benches/compare.py",
        why: "measures what it would disturb",
        run_by: Where::In("benches/compare.py", "__main__"),
    },
];

/// Whether `command` is run, but not here.
pub(super) fn is_run(command: &str) -> bool {
    ELSEWHERE.iter().any(|known| known.command == command)
}

#[test]
fn what_is_not_run_here_is_run_elsewhere() {
    let documents = DOCUMENTS.iter().chain(&["CONTRIBUTING.md"]);
    let pages = documents.map(|document| Page::of(document));
    let pages = pages.collect::<Vec<_>>();
    for Elsewhere {
        command,
        why,
        run_by,
    } in ELSEWHERE
    {
        let is_line = |block: &Block| block.text.lines().any(|line| line == *command);
        let is_in = |page: &Page| {
            page.blocks.iter().any(is_line) || page.spans.iter().any(|span| span.text == *command)
        };
        assert!(
            pages.iter().any(is_in),
            "`{command}` is in no document any more"
        );
        match run_by {
            Where::In(file, sign) => {
                let text = fs::read_to_string(repository().join(file)).expect(file);
                assert!(
                    text.contains(sign),
                    "`{command}` {why}; {file} has no `{sign}`"
                );
            }
            Where::Program => {
                let metadata = fs::metadata(repository().join(command)).expect(command);
                let mode = metadata.permissions().mode();
                assert_ne!(mode & 0o111, 0, "`{command}` {why}; it can't be run");
            }
        }
    }
}
