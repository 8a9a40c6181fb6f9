//! Differential tests: dgw and dask read the same files and variables. The Python side
//! (`tests/gateway/dask_reads.py`) is `dask.config`, and `dask_gateway.Gateway()` with its result.

mod generated;
mod python;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};
use serde_json::{Value, json};
use tempfile::TempDir;

use self::generated::{Case, Place};
use self::python::Python;
use super::layers::Layers;
use super::leaf::Leaf;
use super::node::Node;
use super::{ConfigSelection, Credentials, Environment, HttpProxy, Settings, load};

/// Configurations that dgw refuses and dask accepts: part of dgw's message, and the reason. Each has a
/// case in [`deliberate_refusals`].
const REFUSALS: [(&str, &str); 14] = [
    ("must be a mapping", "dask silently drops the value"),
    (
        "not a mapping",
        "dask passes the mapping on, and the first request fails",
    ),
    (
        "must be text: put it in quotes",
        "dask passes it on, and the first request fails",
    ),
    (
        "must be true, false or a URL",
        "dask takes any other value for false",
    ),
    ("must be a proxy URL", "the first request fails"),
    (
        "must not contain a user name or password",
        "they belong in `gateway.auth`",
    ),
    (
        "must not have a query or fragment",
        "dask would put the path behind it",
    ),
    ("is not a valid URL", "a host or port that can't be"),
    (
        "must be a port, `host:port`",
        "dask fails when it connects to a cluster",
    ),
    (
        "must be a port (1 to 65535)",
        "dask fails when it connects to a cluster",
    ),
    ("is empty, or contains a space", "a token that no hub makes"),
    (
        "may only contain ASCII characters",
        "the gateway responds with an error of its own",
    ),
    (
        "has braces that dgw can't fill in",
        "Python's format specifications serve no purpose in a configuration",
    ),
    ("is the Python class", "dgw has no Python"),
];

/// Configurations that dask refuses and dgw accepts: part of Python's message, and the reason.
const ALLOWANCES: [(&str, &str); 17] = [
    (
        "could not determine a constructor",
        "a tag, which dgw refuses where it is used, or a `=`",
    ),
    (
        "invalid literal for int()",
        "a number that dgw refuses where it is used",
    ),
    ("not iterable", "a key that is no text breaks all of dask"),
    ("no attribute 'replace'", "the same"),
    (
        "does not support item assignment",
        "variables that set both a value and what is below it",
    ),
    ("indices must be integers", "the same"),
    (
        "KeyError",
        "a template in what the authentication has no use for",
    ),
    (
        "unexpected keyword argument",
        "what another type of authentication is given",
    ),
    ("keywords must be strings", "the same"),
    (
        "Unknown auth value None",
        "`auth.type: null` is as good as nothing",
    ),
    (
        "can only concatenate str",
        "a token of digits without quotes",
    ),
    (
        "has no attribute 'encode'",
        "a user name or password of digits without quotes",
    ),
    (
        "has no attribute 'rstrip'",
        "a number for an address, which dgw then refuses or not",
    ),
    (
        "not enough values to unpack",
        "an option that is a mapping in a template",
    ),
    (
        "No module named 'kerberos'",
        "Python's Kerberos is a package of its own",
    ),
    ("is malformed", "another library's file in the directory"),
    (
        "month must be in",
        "dgw doesn't check dates: a gateway can't be sent one anyway",
    ),
];

#[test]
fn reads_the_same_as_dask() {
    let config = Config {
        cases: std::env::var("PROPTEST_CASES")
            .map_or(1500, |cases| cases.parse().expect("a number")),
        failure_persistence: None,
        max_shrink_iters: 2000,
        ..Config::default()
    };
    // The same cases each time; PROPTEST_CASES gives more.
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut python = Python::start();
    let python = std::cell::RefCell::new(&mut python);
    let mut alike = 0;
    let counter = std::cell::RefCell::new(&mut alike);
    let outcome = TestRunner::new_with_rng(config, rng).run(&generated::cases(), |case| {
        let outcome = compare(&case, &mut python.borrow_mut());
        **counter.borrow_mut() += usize::from(outcome == Ok(true));
        outcome.map(|_| ()).map_err(TestCaseError::fail)
    });
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
    assert!(alike > 250, "only {alike} cases that both could use");
}

/// A case for each of [`REFUSALS`], which dask accepts.
#[test]
fn deliberate_refusals() {
    let mut python = Python::start();
    let listed = REFUSALS.map(|(sign, _)| sign);
    let mut seen = Vec::new();
    for (yaml, sign) in [
        ("auth: jupyterhub", "must be a mapping"),
        ("public-address: {a: 1}", "not a mapping"),
        (
            "auth: {kwargs: {password: 0123}}",
            "must be text: put it in quotes",
        ),
        (
            "auth: {kwargs: {password: 2026-11-21}}",
            "must be text: put it in quotes",
        ),
        ("http-client: {proxy: 3}", "must be true, false or a URL"),
        ("http-client: {proxy: socks5://h}", "must be a proxy URL"),
        (
            "address: http://ada:pw@h",
            "must not contain a user name or password",
        ),
        ("address: http://h?a=b", "must not have a query or fragment"),
        ("address: http://h:99999", "is not a valid URL"),
        ("proxy-address: '8786'", "must be a port, `host:port`"),
        ("proxy-address: 70000", "must be a port (1 to 65535)"),
        (
            "auth: {type: jupyterhub, kwargs: {api_token: ''}}",
            "is empty, or contains a space",
        ),
        (
            "auth: {kwargs: {password: pässword}}",
            "may only contain ASCII characters",
        ),
        (
            "public-address: '{USER!r}'",
            "has braces that dgw can't fill in",
        ),
        (
            "public-address: '{USER:>8}'",
            "has braces that dgw can't fill in",
        ),
        (
            "auth: {type: dask_gateway.auth.BasicAuth}",
            "is the Python class",
        ),
    ] {
        let case = Case {
            files: vec![(
                Place::User,
                "gateway.yaml".to_owned(),
                format!("gateway:\n  address: http://h\n  {yaml}\n"),
            )],
            named: None,
            variables: vec![("USER".to_owned(), "ada".to_owned())],
        };
        let home = Home::of(&case);
        let dask = python.reads(&home.variables, &home.path("prefix"));
        assert!(dask["refused"].is_null(), "{yaml}: {dask}");
        let environment = home.variables.iter().cloned().collect::<Environment>();
        let refusal = load(&environment, &ConfigSelection::Dask, None).map(drop);
        let refusal = refusal.expect_err(yaml).to_string();
        assert!(refusal.contains(sign), "{yaml}: {refusal}");
        assert!(listed.contains(&sign), "{sign}");
        seen.push(sign);
    }
    assert!(listed.iter().all(|sign| seen.contains(sign)), "{seen:?}");
}

/// Returns true if both can use the case and agree on it, and false if one has a listed reason to
/// refuse it.
fn compare(case: &Case, python: &mut Python) -> Result<bool, String> {
    let home = Home::of(case);
    let dask = python.reads(&home.variables, &home.path("prefix"));
    let environment = home.variables.iter().cloned().collect::<Environment>();
    let layers = match Layers::read(&environment, &ConfigSelection::Dask) {
        Ok(layers) => layers,
        Err(error) => {
            let says = error.to_string();
            return if dask["refused"].is_string() || is_listed(&REFUSALS, &says) {
                Ok(false)
            } else {
                Err(format!("only dgw refuses: {says}\n{dask:#}"))
            };
        }
    };
    if let Some(refusal) = dask["refused"].as_str() {
        return allowed(refusal);
    }
    let merged = layers.merged();
    if has_unsupported_spelling(&merged) {
        // dgw refuses it where it is used.
        return Ok(false);
    }
    let section = merged.get("gateway").map_or(Value::Null, portable);
    if section != dask["merged"] {
        return Err(format!(
            "dgw merges to {section:#}\ndask to {:#}",
            dask["merged"]
        ));
    }
    match (
        Settings::new(&layers, &environment, None),
        dask["broken"].as_str(),
    ) {
        (Err(_), Some(_)) => Ok(false),
        (Ok(_), Some(broken)) => allowed(broken),
        (Err(error), None) => match error.to_string() {
            says if is_listed(&REFUSALS, &says) => Ok(false),
            says => Err(format!("only dgw refuses: {says}\n{dask:#}")),
        },
        (Ok(settings), None) => {
            let (ours, mut theirs) = (ours(&settings), theirs(&dask["gateway"]));
            if matches!(settings.credentials, Credentials::Withheld { .. }) {
                // dask sends credentials to any address.
                theirs["auth"] = Value::Null;
            }
            if ours == theirs {
                Ok(true)
            } else {
                Err(format!("dgw has {ours:#}\ndask has {theirs:#}"))
            }
        }
    }
}

fn is_listed(list: &[(&str, &str)], says: &str) -> bool {
    list.iter().any(|(sign, _)| says.contains(sign))
}

fn allowed(refusal: &str) -> Result<bool, String> {
    if is_listed(&ALLOWANCES, refusal) {
        Ok(false)
    } else {
        Err(format!("only dask refuses: {refusal}"))
    }
}

/// Returns the same as `portable` in `dask_reads.py`.
fn portable(node: &Node) -> Value {
    match node {
        Node::Map(entries) => {
            let entries = entries.iter();
            let values = entries.map(|(key, node)| (key.clone(), portable(node)));
            Value::Object(values.collect())
        }
        Node::Leaf(leaf, _) => leaf.to_json().unwrap_or(json!({"foreign": true})),
    }
}

/// Returns true if the tree holds a spelling that dask reads and dgw doesn't.
fn has_unsupported_spelling(node: &Node) -> bool {
    match node {
        Node::Map(entries) => entries
            .iter()
            .any(|(_, node)| has_unsupported_spelling(node)),
        Node::Leaf(Leaf::Unsupported(kind), _) => *kind != "date",
        Node::Leaf(Leaf::Json(_), _) => false,
    }
}

/// What dgw would use, in the form of [`theirs`].
fn ours(settings: &Settings) -> Value {
    let auth = match &settings.credentials {
        Credentials::Basic { username, password } => {
            json!(["BasicAuth", {"username": username, "password": password.expose()}])
        }
        Credentials::Kerberos => json!(["KerberosAuth", {}]),
        Credentials::JupyterHub { token } => {
            json!(["JupyterHubAuth", {"api_token": token.expose()}])
        }
        Credentials::Withheld { .. } => Value::Null,
    };
    json!({
        "address": settings.address.as_str(),
        "public_address": settings.public_address,
        "proxy_address": settings.scheduler_proxy,
        "auth": auth,
        "http_proxy": match &settings.http_proxy {
            HttpProxy::FromEnvironment => json!(true),
            HttpProxy::Direct => json!(false),
            HttpProxy::Url(url) => json!(url.expose()),
        },
        "options": settings.cluster_options,
    })
}

/// What dask would use, with URLs normalized and equivalent values made the same.
fn theirs(gateway: &Value) -> Value {
    let text = |key: &str| gateway[key].as_str().unwrap_or_default();
    let url = |text: &str| {
        let url = url::Url::parse(text).map(String::from);
        url.map_or(text.to_owned(), |url| url.trim_end_matches('/').to_owned())
    };
    let public = text("public_address");
    let is_default = public == text("address");
    let proxy = text("proxy_address").trim_start_matches("gateway://");
    json!({
        "address": url(text("address")),
        "public_address": if is_default { url(public) } else { public.to_owned() },
        "proxy_address": proxy,
        "auth": gateway["auth"],
        "http_proxy": match &gateway["http_proxy"] {
            Value::Null => json!(false),
            Value::String(text) if ["off", "false"].contains(&text.as_str()) => json!(false),
            Value::String(text) if ["on", "true"].contains(&text.as_str()) => json!(true),
            other => other.clone(),
        },
        "options": gateway["options"],
    })
}

/// A home directory with a case's files and the right modes.
struct Home {
    directory: TempDir,
    variables: Vec<(String, String)>,
}

impl Home {
    fn of(case: &Case) -> Self {
        let mut home = Self {
            directory: tempfile::tempdir().expect("a directory"),
            variables: Vec::new(),
        };
        let prefix = home.path("prefix");
        Self::write(&prefix.join("bin/python3"), "");
        Self::write(&prefix.join("pyvenv.cfg"), "");
        for (place, name, text) in &case.files {
            let directory = home.path(match place {
                Place::Site => "site",
                Place::Prefix => "prefix/etc/dask",
                Place::User => ".config/dask",
                Place::Named => "named",
            });
            Self::write(&directory.join(name), text);
        }
        let text = |path: &Path| path.display().to_string();
        home.variables = vec![
            ("HOME".to_owned(), text(home.directory.path())),
            ("PATH".to_owned(), text(&prefix.join("bin"))),
            ("DASK_ROOT_CONFIG".to_owned(), text(&home.path("site"))),
        ];
        if let Some(named) = case.named {
            home.variables
                .push(("DASK_CONFIG".to_owned(), text(&home.path(named))));
        }
        home.variables.extend(case.variables.iter().cloned());
        home
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn write(path: &Path, text: &str) {
        let directory = path.parent().expect("a directory");
        fs::create_dir_all(directory).expect("the directory can be made");
        fs::set_permissions(directory, fs::Permissions::from_mode(0o700))
            .expect("the mode can be set");
        fs::write(path, text).expect("the file can be written");
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).expect("the mode can be set");
    }
}
