//! dgw against dask itself: the same files and variables, read by both. The Python side is real
//! (`tests/gateway/dask_reads.py`): `dask.config`, and what `dask_gateway.Gateway()` makes of it.

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
use super::tree::Node;
use super::{Credentials, Environment, HttpProxy, Settings};

/// What dgw refuses though dask takes it, by what the refusal says. Each has its reason here, and
/// a case in [`deliberate_refusals`].
const REFUSALS: [(&str, &str); 14] = [
    ("must be a mapping", "dask drops the value without a word"),
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
    ("is not a proxy's URL", "the first request fails"),
    (
        "must not hold a user name or password",
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
    ("is not a port", "dask fails when it connects to a cluster"),
    ("is empty, or holds a space", "a token that no hub makes"),
    (
        "may only hold ASCII characters",
        "the gateway answers with an error of its own",
    ),
    (
        "that only Python can",
        "it would take a Python to fill it in",
    ),
    ("is the Python class", "dgw has no Python"),
];

/// What dask fails at though dgw takes it, by what Python says.
const ALLOWANCES: [(&str, &str); 14] = [
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
    ("is malformed", "another library's file in the folder"),
];

#[test]
fn dgw_reads_what_dask_reads() {
    let config = Config {
        cases: std::env::var("PROPTEST_CASES")
            .map_or(1500, |cases| cases.parse().expect("a number")),
        failure_persistence: None,
        max_shrink_iters: 2000,
        ..Config::default()
    };
    // The same cases each time; more of them with PROPTEST_CASES.
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

/// Each of [`REFUSALS`], with what dask makes of the same.
#[test]
fn deliberate_refusals() {
    let mut python = Python::start();
    let told = REFUSALS.map(|(sign, _)| sign);
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
        ("http-client: {proxy: socks5://h}", "is not a proxy's URL"),
        (
            "address: http://ada:pw@h",
            "must not hold a user name or password",
        ),
        ("address: http://h?a=b", "must not have a query or fragment"),
        ("address: http://h:99999", "is not a valid URL"),
        ("proxy-address: '8786'", "must be a port, `host:port`"),
        ("proxy-address: 70000", "is not a port"),
        (
            "auth: {type: jupyterhub, kwargs: {api_token: ''}}",
            "is empty, or holds a space",
        ),
        (
            "auth: {kwargs: {password: pässword}}",
            "may only hold ASCII characters",
        ),
        ("public-address: '{USER!r}'", "that only Python can"),
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
        let refusal = super::load(&environment, None, None).map(drop);
        let refusal = refusal.expect_err(yaml).to_string();
        assert!(refusal.contains(sign), "{yaml}: {refusal}");
        assert!(told.contains(&sign), "{sign}");
        seen.push(sign);
    }
    assert!(told.iter().all(|sign| seen.contains(sign)), "{seen:?}");
}

/// Whether both can use the case and agree on it; `false` where both have a reason not to.
fn compare(case: &Case, python: &mut Python) -> Result<bool, String> {
    let home = Home::of(case);
    let dask = python.reads(&home.variables, &home.path("prefix"));
    let environment = home.variables.iter().cloned().collect::<Environment>();
    let merged = match super::merged(&environment, None) {
        Ok(merged) => merged,
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
    let section = merged.get("gateway").map_or(Value::Null, portable);
    if section != dask["merged"] {
        return Err(format!(
            "dgw merges to {section:#}\ndask to {:#}",
            dask["merged"]
        ));
    }
    match (
        Settings::new(&merged, &environment, None),
        dask["broken"].as_str(),
    ) {
        (Err(_), Some(_)) => Ok(false),
        (Ok(_), Some(broken)) => allowed(broken),
        (Err(error), None) => match error.to_string() {
            says if is_listed(&REFUSALS, &says) => Ok(false),
            says => Err(format!("only dgw refuses: {says}\n{dask:#}")),
        },
        (Ok(settings), None) => {
            let (ours, theirs) = (ours(&settings), theirs(&dask["gateway"]));
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

/// As `portable` in `dask_reads.py`.
fn portable(node: &Node) -> Value {
    match node {
        Node::Map(entries) => {
            let entries = entries
                .iter()
                .map(|(key, node)| (key.clone(), portable(node)));
            Value::Object(entries.collect())
        }
        Node::Leaf(value, _) => portable_value(value),
    }
}

fn portable_value(value: &super::plain::Plain) -> Value {
    use super::plain::Plain;
    match value {
        Plain::List(items) => Value::Array(items.iter().map(portable_value).collect()),
        Plain::Map(entries) => {
            let entries = entries.iter();
            Value::Object(
                entries
                    .map(|(key, value)| (key.clone(), portable_value(value)))
                    .collect(),
            )
        }
        value => value.to_json().unwrap_or(json!({"foreign": true})),
    }
}

/// What dgw would use, in words that [`theirs`] uses too.
fn ours(settings: &Settings) -> Value {
    let auth = match &settings.credentials {
        Credentials::Basic { username, password } => {
            json!(["BasicAuth", {"username": username, "password": password.expose()}])
        }
        Credentials::Kerberos => json!(["KerberosAuth", {}]),
        Credentials::JupyterHub { token } => {
            json!(["JupyterHubAuth", {"api_token": token.expose()}])
        }
    };
    json!({
        "address": settings.address.as_str(),
        "public_address": settings.public_address,
        "proxy_address": settings.scheduler_proxy,
        "auth": auth,
        "http_proxy": match &settings.http_proxy {
            HttpProxy::FromEnvironment { .. } => json!(true),
            HttpProxy::Direct => json!(false),
            HttpProxy::Url(url) => json!(url.expose()),
        },
        "options": settings.cluster_options,
    })
}

/// What dask would use: URLs as a URL library writes them, and its ways to say the same as one.
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

/// A case's files, in a home with the right modes.
struct Home {
    folder: TempDir,
    variables: Vec<(String, String)>,
}

impl Home {
    fn of(case: &Case) -> Self {
        let mut home = Self {
            folder: tempfile::tempdir().expect("a folder"),
            variables: Vec::new(),
        };
        let prefix = home.path("prefix");
        Self::write(&prefix.join("bin/python3"), "");
        Self::write(&prefix.join("pyvenv.cfg"), "");
        for (place, name, text) in &case.files {
            let folder = home.path(match place {
                Place::Site => "site",
                Place::Prefix => "prefix/etc/dask",
                Place::User => ".config/dask",
                Place::Named => "named",
            });
            Self::write(&folder.join(name), text);
        }
        let text = |path: &Path| path.display().to_string();
        home.variables = vec![
            ("HOME".to_owned(), text(home.folder.path())),
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
        self.folder.path().join(name)
    }

    fn write(path: &Path, text: &str) {
        let folder = path.parent().expect("a folder");
        fs::create_dir_all(folder).expect("the folder can be made");
        fs::set_permissions(folder, fs::Permissions::from_mode(0o700))
            .expect("the mode can be set");
        fs::write(path, text).expect("the file can be written");
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).expect("the mode can be set");
    }
}
