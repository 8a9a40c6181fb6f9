//! Generates files and variables, as people write them and as they shouldn't.

mod words;

use std::fmt;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use self::words::{addresses, http_proxies, oddity, proxies, secret, variable, words};

#[derive(Clone, Copy, Debug)]
pub(super) enum Place {
    Site,
    Prefix,
    User,
    Named,
}

#[derive(Clone)]
pub(super) struct Case {
    /// The place, name and text of each file.
    pub(super) files: Vec<(Place, String, String)>,
    /// The path that `DASK_CONFIG` names, below the home directory.
    pub(super) named: Option<&'static str>,
    pub(super) variables: Vec<(String, String)>,
}

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, name, text) in &self.files {
            writeln!(f, "\n--- {place:?}/{name}\n{text}")?;
        }
        writeln!(f, "--- DASK_CONFIG={:?}", self.named)?;
        for (name, value) in &self.variables {
            writeln!(f, "{name}={value}")?;
        }
        Ok(())
    }
}

/// Up to four files and five variables.
pub(super) fn cases() -> impl Strategy<Value = Case> {
    let place = select(vec![
        Place::Site,
        Place::Prefix,
        Place::User,
        Place::User,
        Place::Named,
    ]);
    let name = select(vec![
        "gateway.yaml",
        "a.yml",
        "z.JSON",
        "gateway_.yaml",
        "readme.txt",
    ]);
    let file = (place, name.prop_map(str::to_owned), text());
    let named = select(vec![
        "named",
        "named/gateway.yaml",
        ".config/dask",
        "nowhere",
        "site",
    ]);
    (
        vec(file, 0..4),
        option::of(named),
        vec(variable(), 0..5),
        any::<bool>(),
    )
        .prop_map(|(files, named, mut variables, is_usable)| {
            if is_usable {
                // Otherwise most cases would end at the first missing value.
                variables.push((
                    "DASK_GATEWAY__ADDRESS".to_owned(),
                    "https://g.example.org".to_owned(),
                ));
                variables.push(("LOGNAME".to_owned(), "ada".to_owned()));
            }
            // One name has one value in an environment: the last.
            let mut seen = std::collections::HashSet::new();
            variables.reverse();
            variables.retain(|(name, _)| seen.insert(name.clone()));
            variables.reverse();
            Case {
                files,
                named,
                variables,
            }
        })
}

/// A level of a file.
#[derive(Clone, Debug)]
enum Yaml {
    Scalar(String),
    Map(Vec<(String, Yaml)>),
}

fn text() -> impl Strategy<Value = String> {
    let header = select(vec![
        "",
        "",
        "---\n",
        "# made by hand\n",
        "%YAML 1.1\n---\n",
        "\u{feff}",
        "base: &base {address: http://base.example.org, proxy-address: 0x10, foo: 1}\n\
         more: &more {<<: *base, foo: 2, public_address: /more/}\n",
        "distributed: {comm: {timeouts: {connect: 10s}}}\n",
    ]);
    let section = prop_oneof![
        8 => gateway(),
        1 => select(vec!["null", "text", "[1]", "{}", "*base", "~", "!mine {}", "'x"])
            .prop_map(|text| Yaml::Scalar(text.to_owned())),
    ];
    let style = select(vec![
        Style::Block,
        Style::Block,
        Style::Flow,
        Style::Windows,
    ]);
    (header, section, style).prop_map(|(header, section, style)| {
        let document = Yaml::Map(vec![("gateway".to_owned(), section)]);
        let mut text = header.to_owned();
        match style {
            Style::Flow => {
                text.push_str("gateway: ");
                let Yaml::Map(entries) = &document else {
                    unreachable!()
                };
                flow(&entries[0].1, &mut text);
                text.push('\n');
            }
            _ => block(&document, 0, &mut text),
        }
        if matches!(style, Style::Windows) {
            text = text.replace('\n', "\r\n");
        }
        text
    })
}

#[derive(Clone, Copy, Debug)]
enum Style {
    Block,
    Flow,
    Windows,
}

fn block(yaml: &Yaml, depth: usize, text: &mut String) {
    let Yaml::Map(entries) = yaml else { return };
    for (key, value) in entries {
        text.push_str(&"  ".repeat(depth));
        match value {
            Yaml::Scalar(scalar) => text.extend([format!("{key}: {scalar}\n")]),
            Yaml::Map(inner) if inner.is_empty() => text.extend([format!("{key}: {{}}\n")]),
            Yaml::Map(_) => {
                text.extend([format!("{key}:\n")]);
                block(value, depth + 1, text);
            }
        }
    }
}

fn flow(yaml: &Yaml, text: &mut String) {
    match yaml {
        Yaml::Scalar(scalar) => text.push_str(scalar),
        Yaml::Map(entries) => {
            text.push('{');
            for (at, (key, value)) in entries.iter().enumerate() {
                text.push_str(if at == 0 { "" } else { ", " });
                text.extend([format!("{key}: ")]);
                flow(value, text);
            }
            text.push('}');
        }
    }
}

fn gateway() -> impl Strategy<Value = Yaml> {
    let auth = level(vec![
        one_of(
            &["type"],
            words(&[
                "basic",
                "jupyterhub",
                "jupyterhub",
                "kerberos",
                "my.own.Auth",
                "null",
                "\"{KIND}\"",
            ]),
        ),
        one_of(
            &["kwargs"],
            level(vec![
                one_of(&["api_token", "api_token", "api-token"], secret()),
                one_of(
                    &["username"],
                    prop_oneof![
                        words(&["ada", "Ada Lovelace", "\"{USER}\"", "null"]),
                        oddity()
                    ],
                ),
                one_of(&["password"], secret()),
            ]),
        ),
    ]);
    let options = level(vec![
        one_of(&["worker_cores", "worker-cores"], oddity()),
        one_of(
            &["image"],
            words(&[
                "\"{IMAGE}\"",
                "'{IMAGE:.4}'",
                "\"{{IMAGE}}\"",
                "pangeo/base:2026.01",
            ]),
        ),
        one_of(
            &["environment"],
            words(&["{A: 1}", "{A-B: x, A_B: y}", "null", "{yes: [1, 0o7, 07]}"]),
        ),
        one_of(&["x", "yes", "1", "''", "? x\n    "], oddity()),
    ]);
    level(vec![
        one_of(
            &["address", "address", "\"address\""],
            prop_oneof![4 => addresses(), 1 => oddity()],
        ),
        one_of(
            &["public-address", "public_address"],
            prop_oneof![3 => addresses(), 1 => oddity()],
        ),
        one_of(
            &["proxy-address", "proxy_address"],
            prop_oneof![3 => proxies(), 1 => oddity()],
        ),
        one_of(&["auth"], prop_oneof![6 => auth, 1 => oddity()]),
        one_of(
            &["auth"],
            words(&["null", "{}", "{type: basic, type: jupyterhub}"]),
        ),
        one_of(
            &["http-client", "http_client"],
            prop_oneof![4 => level(vec![one_of(&["proxy"], http_proxies())]), 1 => oddity()],
        ),
        one_of(
            &["cluster"],
            level(vec![one_of(
                &["options"],
                prop_oneof![6 => options, 1 => oddity()],
            )]),
        ),
        one_of(
            &["<<"],
            words(&[
                "*base",
                "[*more, *base]",
                "{address: http://m.example.org}",
                "[]",
            ]),
        ),
        one_of(&["foo", "yes", "2026-01-01"], oddity()),
    ])
}

type Entry = BoxedStrategy<(String, Yaml)>;

/// A mapping of some of these entries, in any order, and perhaps twice.
fn level(entries: Vec<Entry>) -> BoxedStrategy<Yaml> {
    let count = entries.len();
    vec(proptest::strategy::Union::new(entries), 0..=count.min(5))
        .prop_map(Yaml::Map)
        .boxed()
}

fn one_of(keys: &'static [&'static str], value: impl Strategy<Value = Yaml> + 'static) -> Entry {
    (select(keys).prop_map(str::to_owned), value).boxed()
}
