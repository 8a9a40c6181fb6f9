use std::sync::Arc;

use serde_json::json;

use super::*;
use crate::config::tree::Node;

fn settings(gateway: &Value, variables: &[(&str, &str)]) -> Result<Settings, Error> {
    let environment = variables
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect::<Environment>();
    let source = Arc::new(Source::File("gateway.yaml".into()));
    let file = Tree::new(Node::new(json!({ "gateway": gateway }).into(), &source));
    let mut tree = environment.gateway_section()?;
    tree.lay_under(file);
    Settings::new(&tree, &environment, None)
}

fn refusal(gateway: &Value, variables: &[(&str, &str)]) -> String {
    match settings(gateway, variables) {
        Ok(settings) => panic!("accepted: {settings:?}"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn a_jupyterhub_token_comes_from_the_file_or_the_hub_environment() {
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
fn variables_win_over_files_and_spell_keys_either_way() {
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
fn the_scheduler_proxy_takes_every_spelling() {
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
fn a_missing_template_variable_is_named_with_its_key() {
    assert_eq!(
        refusal(&json!({"address": "https://{HUB}/x"}), &[]),
        "`gateway.address` (gateway.yaml) names the environment variable `HUB`, which is not set"
    );
}

#[test]
fn a_python_class_is_refused_by_name() {
    let gateway = json!({"address": "https://g", "auth": {"type": "my.module.Auth"}});
    assert!(refusal(&gateway, &[]).contains("`my.module.Auth`"));
}

#[test]
fn a_secret_is_in_no_refusal() {
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
fn the_proxy_knows_the_words_for_a_boolean() {
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
