//! Property tests: any configuration gives settings or an error, never a panic.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;

use proptest::prelude::*;
use serde_json::json;

use super::node::{Node, Source};
use super::{Address, ConfigSelection, Environment, edit, inspect, load, read, template, yaml};
use crate::error::Failure as _;
use crate::hostile;

/// Texts that are almost a configuration.
fn almost() -> impl Strategy<Value = Vec<u8>> {
    let valid = json!({"gateway": {
        "address": "http://127.0.0.1:1", "public-address": "/x", "proxy-address": "tls://h:1",
        "auth": {"type": "basic", "kwargs": {"username": "a", "password": "{HOME}", "api_token": "t"}},
        "http-client": {"proxy": true}, "cluster": {"options": {"a": 1, "b": [1.5, null]}},
    }});
    let words = prop::sample::select(vec![
        "gateway:",
        " address:",
        "  auth:",
        " kwargs: ",
        "\n",
        "\n  ",
        "- ",
        "{",
        "}",
        "[",
        "]",
        "&a ",
        "*a",
        "<<: ",
        "? ",
        ": ",
        "| ",
        "> ",
        "%YAML 1.1",
        "---",
        "...",
        "!!set",
        "!!int ",
        "!!str,",
        "! ",
        "!,",
        ", ",
        "'",
        "\"",
        "#",
        "\t",
        "http://h",
        "0600",
        "1:30",
        ".nan",
        "{HOME}",
        "\u{feff}",
        "\u{85}",
    ]);
    prop_oneof![
        hostile::corrupted(valid).prop_map(|json| json.to_string().into_bytes()),
        prop::collection::vec(words, 0..40).prop_map(|words| words.concat().into_bytes()),
        prop::collection::vec(any::<u8>(), 0..200),
    ]
}

proptest! {
    #[test]
    fn any_file_and_variable_is_read_or_refused(
        bytes in almost(),
        value in hostile::text(),
        key in "DASK_GATEWAY__(ADDRESS|AUTH__TYPE|AUTH__KWARGS|CLUSTER__OPTIONS|PROXY_ADDRESS|[A-Z_.]{0,9})",
        address in prop::option::of(hostile::text()),
    ) {
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("gateway.yaml");
        fs::write(&file, &bytes).expect("written");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).expect("set");
        let environment = Environment::from_iter([
            ("DASK_ROOT_CONFIG".to_owned(), "/nonexistent".to_owned()),
            ("HOME".to_owned(), value.clone()),
            ("DASK_INTERNAL_INHERIT_CONFIG".to_owned(), value.clone()),
            (key, value),
        ]);
        let selection = ConfigSelection::Path(file);
        let loaded = load(&environment, &selection, address.as_deref());
        if let Err(error) = &loaded {
            let _ = (error.to_string(), error.hint());
        }
        let seen = inspect(&environment, &selection, address.as_deref());
        prop_assert_eq!(loaded.is_ok(), seen.settings.is_ok());
    }

    #[test]
    fn any_yaml_is_read_or_refused(bytes in almost()) {
        let source = Arc::new(Source::File("gateway.yaml".into()));
        let _ = yaml::load(&String::from_utf8_lossy(&bytes), &source);
    }

    /// What login writes is what dgw reads, in whatever file it is put.
    #[test]
    fn any_file_is_edited_or_refused(bytes in almost(), token in "[!-~]{8}") {
        const TOKEN: &[&str] = &["gateway", "auth", "kwargs", "api_token"];
        let text = String::from_utf8_lossy(&bytes);
        let path = Path::new("gateway.yaml");
        let change = edit::Change { path: TOKEN, value: Some(template::escaped(&token)) };
        if let Some(edited) = edit::edited(path, &text, &[change]) {
            let section = read::parse(path, &edited).ok().and_then(read::gateway_section);
            let section = section.expect("a section");
            let held = match section.get(&TOKEN.join(".")) {
                Some(Node::Leaf(leaf, _)) => leaf.as_text(),
                _ => None,
            };
            prop_assert_eq!(held, Some(&*template::escaped(&token)));
        }
    }

    #[test]
    fn any_template_is_filled_in_or_refused(text in hostile::text(), field in "\\{[A-Z0-9_:<>^.!sr{}]{0,12}\\}?") {
        let environment = Environment::from_iter([("HOME".to_owned(), "世界".to_owned())]);
        for text in [&text, &field] {
            let _ = template::fill(text, &environment);
            let filled = template::fill(&template::escaped(text), &environment);
            prop_assert_eq!(filled.as_ref(), Ok(text));
        }
    }

    #[test]
    fn any_address_has_a_host_or_is_refused(text in hostile::text(), url in "https?://[a-z0-9:@.%\\[\\]/?#-]{0,30}") {
        for text in [&text, &url] {
            if let Ok(address) = Address::parse(text) {
                prop_assert!(!address.host().is_empty());
                let _ = (address.host_and_port(), address.is_loopback());
                prop_assert_eq!(Address::parse(address.as_str()), Ok(address.clone()));
            }
        }
    }
}
