//! Fuzz targets: configuration, literals, and changes to the user's file.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;

use super::edit::{self, Change};
use super::environment::Environment;
use super::error::Error;
use super::layers::{Layer, Layers};
use super::node::{Node, Source};
use super::value_reader::ValueReader;
use super::{Address, literal, read, template, yaml};
use crate::error::Failure as _;

/// Separates the files of a configuration in an input.
const SEPARATOR: &str = "\n%%\n";

/// Reads and merges files and variables. The input holds variables as `NAME=VALUE`, a line each, and
/// then files, each after a line `%%`.
pub(crate) fn configuration(input: &[u8]) {
    let Ok(text) = str::from_utf8(input) else {
        return;
    };
    let mut parts = text.split(SEPARATOR);
    let variables = parts.next().unwrap_or_default().lines();
    let variables = variables.filter_map(|line| line.split_once('='));
    let environment = variables
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect::<Environment>();
    let files = parts.enumerate().filter_map(|(at, text)| {
        let path = PathBuf::from(format!("{at}.yaml"));
        let section = read::gateway_section(kept(read::parse(&path, text))?)?;
        let _ = (
            read::holds_secret(&section),
            template::first_field(&section),
        );
        Some(Layer {
            file: Some(path),
            untrusted: None,
            section,
        })
    });
    let files = files.collect();
    let Some(variables) = kept(environment.gateway_section()) else {
        return;
    };
    let layers = Layers::new(files, variables);
    let tree = &layers.merged();
    let reader = ValueReader {
        tree,
        environment: &environment,
    };
    if let Some(address) = kept(reader.address()) {
        assert!(!address.host().is_empty());
        assert!(Address::parse(address.as_str()).as_ref() == Ok(&address));
        kept(reader.scheduler_proxy(&address));
        kept(reader.credentials_for(&address, &layers));
    }
    kept(reader.text("gateway.public-address"));
    kept(reader.http_proxy());
    kept(reader.cluster_options());
    let _ = (reader.secrets(), layers.secret_fields());
}

/// Returns a value, or nothing after its error has been worded.
fn kept<T>(result: Result<T, Error>) -> Option<T> {
    result
        .inspect_err(|error| {
            let _ = (error.to_string(), error.hint());
        })
        .ok()
}

/// Interprets a variable's value, and a text as the Python literal of it.
pub(crate) fn literal(input: &[u8]) {
    let Ok(text) = str::from_utf8(input) else {
        return;
    };
    let source = Arc::new(Source::Variable("DASK_GATEWAY__X".to_owned()));
    let _ = literal::interpret(text, &source).to_json();
    if !text.contains(char::is_control) {
        let quoted = text.replace('\\', "\\\\").replace('\'', "\\'");
        let node = literal::interpret(&format!("'{quoted}'"), &source);
        assert_eq!(text_of(&node), Some(text));
    }
}

/// Writes a token, the input's first line, to a file, the other lines, and reads it back.
pub(crate) fn edit(input: &[u8]) {
    const ADDRESS: &[&str] = &["gateway", "address"];
    const TOKEN: &[&str] = &["gateway", "auth", "kwargs", "api_token"];
    const PASSWORD: &[&str] = &["gateway", "auth", "kwargs", "password"];
    let Ok(input) = str::from_utf8(input) else {
        return;
    };
    let (token, file) = input.split_once('\n').unwrap_or((input, ""));
    // Others are refused before.
    if token.is_empty() || token.contains(|c: char| !c.is_ascii_graphic()) {
        return;
    }
    let changes = [
        (ADDRESS, Some("https://gateway.example.org/x".to_owned())),
        (TOKEN, Some(template::escaped(token))),
        (PASSWORD, None),
    ]
    .map(|(path, value)| Change { path, value });
    let path = Path::new("gateway.yaml");
    let Some(edited) = edit::edited(path, file, &changes) else {
        return;
    };
    let [old, new] = [file, &edited].map(|text| read::parse(path, text).expect("it can be read"));
    let own = |node| match node {
        Node::Map(entries) => entries.into_iter().filter(|(key, _)| key != "gateway"),
        Node::Leaf(..) => panic!("no mapping"),
    };
    assert!(own(old).eq(own(new.clone())), "other sections have changed");
    let section = read::gateway_section(new).expect("a section");
    let held = section.get(&TOKEN.join(".")).and_then(text_of);
    let environment = Environment::from_iter([]);
    let filled = held.map(|held| template::fill(held, &environment));
    assert!(
        filled == Some(Ok(token.to_owned())),
        "another token is read"
    );
    assert!(section.get_set(&PASSWORD.join(".")).is_none());
    let again = edit::edited(path, &edited, &changes);
    assert!(again == Some(edited), "it changes each time");
}

fn text_of(node: &Node) -> Option<&str> {
    match node {
        Node::Leaf(leaf, _) => leaf.as_text(),
        Node::Map(_) => None,
    }
}

/// Returns true if the configuration's reader reads `text` as `value`.
pub(crate) fn is_read_as(text: &str, value: &Value) -> bool {
    let source = Arc::new(Source::File("x.yaml".into()));
    yaml::load(text, &source).is_ok_and(|node| node.to_json().is_ok_and(|read| read == *value))
}
