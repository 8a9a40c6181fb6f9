//! The fuzz targets. `fuzz/` runs them on random inputs, and the test below on the committed ones.

use crate::{config, dashboard, gateway, output, scheduler};

/// A fuzz target. It panics where an input breaks a promise.
pub(crate) struct Target {
    /// Also the name of its directory of seeds.
    pub(crate) name: &'static str,
    pub(crate) run: fn(&[u8]),
    /// The bytes of memory that it may take at the same time, whatever the input; `fuzz/` measures them.
    #[cfg_attr(not(fuzzing), expect(dead_code, reason = "only `fuzz/` measures it"))]
    pub(crate) memory: usize,
}

const MIB: usize = 1024 * 1024;

/// Returns all targets.
pub(crate) fn targets() -> [Target; 10] {
    let target = |name, run, memory| Target { name, run, memory };
    [
        target("comm", scheduler::fuzzed::comm as fn(&[u8]), 32 * MIB),
        target("configuration", config::fuzzed::configuration, 64 * MIB),
        target("decode", gateway::fuzzed::decode, MIB),
        target("edit", config::fuzzed::edit, 64 * MIB),
        target("escape", output::fuzzed::escape, 32 * MIB),
        target("guard", dashboard::fuzzed::guard, MIB),
        target("literal", config::fuzzed::literal, 16 * MIB),
        target("logs", scheduler::fuzzed::logs, 16 * MIB),
        target("page_url", gateway::fuzzed::page_url, MIB),
        target("response", gateway::fuzzed::response, 64 * MIB),
    ]
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    use regex_lite::Regex;

    use super::*;

    /// The fuzz targets are compiled from a part of the modules, which nothing else compiles.
    #[test]
    fn fuzz_has_every_module_that_it_needs() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let read = |path: &Path| fs::read_to_string(path).expect("a file");
        let library = read(&root.join("fuzz/dgw.rs"));
        let modules = library.lines().filter_map(|line| {
            let module = line.trim().strip_prefix("pub(super) mod ")?;
            module.strip_suffix(';')
        });
        let modules = modules.collect::<BTreeSet<_>>();
        let mut files = modules
            .iter()
            .flat_map(|module| [format!("src/{module}.rs"), format!("src/{module}")])
            .map(|path| root.join(path))
            .collect::<Vec<_>>();
        let word = Regex::new(r"crate::(?:(\w+)|\{([^;]*?)\})").expect("a pattern");
        while let Some(file) = files.pop() {
            if file.is_dir() {
                let entries = fs::read_dir(&file).expect("a directory");
                files.extend(entries.map(|entry| entry.expect("an entry").path()));
                continue;
            }
            if !file.exists() {
                continue;
            }
            let text = read(&file);
            let shipped = text.split("#[cfg(test)]").next().unwrap_or_default();
            let path = file.display().to_string();
            if path.contains("tests") || path.contains("hostile") {
                continue;
            }
            assert!(!shipped.contains("pub(in crate"), "{path}");
            for used in word.captures_iter(shipped) {
                let names = used
                    .get(1)
                    .or(used.get(2))
                    .map_or("", |names| names.as_str());
                for name in names.split(',') {
                    let name = name.trim().split("::").next().unwrap_or_default();
                    assert!(
                        name.is_empty() || modules.contains(name),
                        "{path} uses {name}"
                    );
                }
            }
        }
    }

    #[test]
    fn every_seed_passes() {
        let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds");
        let entries = |path: &Path| {
            let entries = fs::read_dir(path).expect("a directory");
            entries.map(|entry| entry.expect("an entry").path())
        };
        for target in targets() {
            let seeds = entries(&seeds.join(target.name)).collect::<Vec<_>>();
            assert!(!seeds.is_empty(), "{} has no seeds", target.name);
            for seed in seeds {
                let input = fs::read(&seed).expect("a file");
                let outcome = std::panic::catch_unwind(|| (target.run)(&input));
                assert!(outcome.is_ok(), "{}", seed.display());
            }
        }
        let names = targets().map(|target| seeds.join(target.name));
        assert_eq!(
            entries(&seeds).collect::<BTreeSet<_>>(),
            BTreeSet::from(names)
        );
    }
}
