use std::sync::Arc;

use serde_json::json;

use super::*;
use crate::config::layers::Layer;
use crate::config::masking::masked;
use crate::config::node::Node;
use crate::config::secret::Secret;
use crate::config::yaml;

fn settings(gateway: &Value, variables: &[(&str, &str)]) -> Result<Settings, Error> {
    let environment = variables
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect::<Environment>();
    let source = Arc::new(Source::File("gateway.yaml".into()));
    let file = Node::from_json(json!({ "gateway": gateway }), &source);
    Settings::new(
        &layers(file, environment.gateway_section()?),
        &environment,
        None,
    )
}

/// Layers of `gateway.yaml` and the environment.
fn layers(file: Node, environment: Node) -> Layers {
    let file = Layer {
        file: Some("gateway.yaml".into()),
        untrusted: None,
        section: file,
    };
    Layers::new(vec![file], environment)
}

/// Returns the default workers that a file with this `dgw:` section sets.
fn default_workers(section: &Value) -> Result<Option<DefaultWorkers>, String> {
    let source = Arc::new(Source::File("dgw.yaml".into()));
    let file = json!({"gateway": {"address": "https://g"}, "dgw": section});
    let environment = Environment::from_iter([("USER".to_owned(), "ada".to_owned())]);
    let layers = layers(Node::from_json(file, &source), Node::default());
    let settings = Settings::new(&layers, &environment, None);
    let workers = settings.map_err(|error| error.to_string())?.default_workers;
    Ok(workers.map(|(workers, _)| workers))
}

#[test]
fn reads_the_default_number_of_workers() {
    let range = |minimum, maximum| Some(DefaultWorkers::Adaptive((minimum, maximum)));
    for (value, expected) in [
        (json!(4), Some(DefaultWorkers::Fixed(4))),
        (json!("4"), Some(DefaultWorkers::Fixed(4))),
        (json!("2..20"), range(Some(2), Some(20))),
        (json!("2.."), range(Some(2), None)),
        (json!(null), None),
    ] {
        let section = json!({"run": {"workers": value}});
        assert_eq!(default_workers(&section), Ok(expected), "{section}");
    }
    for value in [
        json!(1.5),
        json!(-1),
        json!("many"),
        json!(true),
        json!([1]),
    ] {
        let section = json!({"run": {"workers": value}});
        assert_eq!(
            default_workers(&section),
            Err(
                "`dgw.run.workers` (dgw.yaml) must be a number of workers, or MIN..MAX such as \
                 1..8"
                    .to_owned()
            ),
            "{section}"
        );
    }
    let section = json!({"run": 4});
    let refusal = default_workers(&section).expect_err("not a mapping");
    assert_eq!(refusal, "`dgw.run` (dgw.yaml) must be a mapping");
}

#[test]
fn variables_set_the_default_number_of_workers() {
    let variables = [("USER", "ada"), ("DASK_DGW__RUN__WORKERS", "2..20")];
    let found = settings(&json!({"address": "https://g"}), &variables).expect("valid settings");
    let (workers, source) = found.default_workers.expect("it is set");
    assert_eq!(workers, DefaultWorkers::Adaptive((Some(2), Some(20))));
    assert_eq!(source.to_string(), "DASK_DGW__RUN__WORKERS");
}

fn refusal(gateway: &Value, variables: &[(&str, &str)]) -> String {
    match settings(gateway, variables) {
        Ok(settings) => panic!("accepted: {settings:?}"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn reads_a_jupyterhub_token_from_the_hub_environment() {
    let gateway = json!({"address": "https://g", "auth": {"type": "jupyterhub"}});
    let of_hub = settings(&gateway, &[("JUPYTERHUB_API_TOKEN", "t0")]).expect("valid settings");
    assert!(
        matches!(of_hub.credentials, Credentials::JupyterHub { token } if token.expose() == "t0")
    );
    assert_eq!(
        refusal(&gateway, &[]),
        "no JupyterHub token is configured: `gateway.auth.kwargs.api_token` is not set"
    );
}

#[test]
fn basic_is_the_default_with_the_user_of_the_environment() {
    let found =
        settings(&json!({"address": "https://g"}), &[("USER", "ada")]).expect("valid settings");
    let Credentials::Basic { username, password } = found.credentials else {
        panic!("not basic");
    };
    assert_eq!((username.as_str(), password.expose()), ("ada", ""));
}

#[test]
fn variables_override_files_with_either_spelling_of_a_key() {
    let found = settings(
        &json!({"address": "https://g", "proxy-address": 1}),
        &[
            ("USER", "ada"),
            ("DASK_GATEWAY__PROXY_ADDRESS", "8786"),
            ("DASK_GATEWAY__AUTH__KWARGS__USERNAME", "'bob'"),
        ],
    )
    .expect("valid settings");
    assert_eq!(found.scheduler_proxy, "g:8786");
    assert!(matches!(found.credentials, Credentials::Basic { username, .. } if username == "bob"));
}

#[test]
fn reads_the_scheduler_proxy_with_any_scheme() {
    for (proxy, expected) in [
        (json!(null), "g:443"),
        (json!(8786), "g:8786"),
        (json!("8786"), "error"),
        (json!("s:8786"), "s:8786"),
        (json!("gateway://s:8786"), "s:8786"),
        (json!("tls://s:8786/"), "s:8786"),
        (json!("tcp://[::1]:8786"), "[::1]:8786"),
        (json!("s"), "error"),
        (json!(70000), "error"),
        (json!(true), "error"),
    ] {
        let found = settings(
            &json!({"address": "https://g", "proxy-address": proxy}),
            &[("USER", "a")],
        );
        let found = found.map_or_else(|_| "error".to_owned(), |s| s.scheduler_proxy);
        assert_eq!(found, expected, "{proxy}");
    }
}

#[test]
fn names_a_missing_template_variable_with_its_key() {
    assert_eq!(
        refusal(&json!({"address": "https://{HUB}/x"}), &[]),
        "`gateway.address` (gateway.yaml) names the environment variable `HUB`, which is not set"
    );
}

#[test]
fn refuses_a_python_class_by_name() {
    let gateway = json!({"address": "https://g", "auth": {"type": "my.module.Auth"}});
    assert!(refusal(&gateway, &[]).contains("`my.module.Auth`"));
}

#[test]
fn no_error_contains_a_secret() {
    for kwargs in [
        json!({"api_token": "s3cret s3cret"}),
        json!({"api_token": "s3cret{"}),
        json!({"api_token": "a{s3cret}b"}),
        json!({"api_token": "s3cret\u{e9}"}),
        json!({"api_token": {"s3cret": 1}}),
        json!({"api_token": ["s3cret"]}),
    ] {
        let gateway =
            json!({"address": "https://g", "auth": {"type": "jupyterhub", "kwargs": kwargs}});
        let text = refusal(&gateway, &[]);
        assert!(!text.contains("s3cret"), "{text}");
    }
}

#[test]
fn reads_yaml_booleans_as_proxy() {
    for (proxy, direct) in [
        (json!(false), true),
        (json!("off"), true),
        (json!("no"), true),
        (json!("yes"), false),
        (json!(true), false),
        // Not the default, which is true.
        (json!(null), true),
    ] {
        let gateway = json!({"address": "https://g", "http-client": {"proxy": proxy}});
        let found = settings(&gateway, &[("USER", "a")])
            .expect("valid settings")
            .http_proxy;
        assert_eq!(matches!(found, HttpProxy::Direct), direct, "{proxy}");
    }
}

#[test]
fn a_secret_is_in_clear_only_over_unencrypted_networks() {
    for (address, proxy, expected) in [
        ("https://g", json!(null), false),
        ("http://g", json!(null), true),
        ("http://127.0.0.1:1", json!(null), false),
        ("http://127.0.0.1:1", json!("http://proxy:3128"), true),
        ("https://g", json!("http://proxy:3128"), false),
    ] {
        let gateway = json!({"address": address, "http-client": {"proxy": proxy}});
        let found = settings(&gateway, &[("USER", "a")]).expect("valid settings");
        assert_eq!(found.secret_goes_in_clear(), expected, "{address} {proxy}");
    }
}

#[test]
fn lines_of_a_secret_are_masked_alone_too() {
    let settings = settings(&json!({"address": "https://of-lines"}), &[("USER", "ada")]);
    let settings = settings.expect("valid settings");
    settings.mask("-----BEGIN KEY-----\n  c2VjcmV0IG9uZQ\r\nhttps://of-lines\nc2VjcmV0IHR3bw\n");
    for line in ["c2VjcmV0IG9uZQ", "c2VjcmV0IHR3bw"] {
        assert_eq!(masked(&format!("bad: {line}.")), "bad: ***.");
    }
    assert_eq!(masked("https://of-lines"), "https://of-lines");
}

#[test]
fn a_flag_replaces_the_address_and_what_belongs_to_it() {
    let gateway = json!({"address": "https://g", "proxy-address": 1, "public-address": "/x/"});
    let environment = Environment::from_iter([("USER".to_owned(), "ada".to_owned())]);
    let source = Arc::new(Source::File("gateway.yaml".into()));
    let tree = Node::from_json(json!({ "gateway": gateway }), &source);
    for (flag, address, public_address, scheduler_proxy) in [
        (None, "https://g", "/x", "g:1"),
        (
            Some("http://h:8000"),
            "http://h:8000",
            "http://h:8000",
            "h:8000",
        ),
    ] {
        let found = Settings::new(&layers(tree.clone(), Node::default()), &environment, flag)
            .expect("valid settings");
        assert_eq!(found.address.as_str(), address);
        assert_eq!(found.public_address, public_address);
        assert_eq!(found.scheduler_proxy, scheduler_proxy);
    }
}

#[test]
fn a_text_may_be_an_integer_in_plain_digits() {
    for (password, expected) in [("12345", Some("12345")), ("0123", None), ("1.5", None)] {
        let source = Arc::new(Source::File("gateway.yaml".into()));
        let text =
            format!("gateway: {{address: http://h, auth: {{kwargs: {{password: {password}}}}}}}");
        let tree = yaml::load(&text, &source).expect("YAML");
        let environment = Environment::from_iter([("USER".to_owned(), "ada".to_owned())]);
        let found = Settings::new(&layers(tree.clone(), Node::default()), &environment, None);
        let held = match found.map(|settings| settings.credentials) {
            Ok(Credentials::Basic { password, .. }) => Some(password),
            _ => None,
        };
        assert_eq!(held.as_ref().map(Secret::expose), expected);
    }
}
