use std::sync::Arc;

use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

use super::*;
use crate::config::{Credentials, Settings};

/// Layers of the files `0.yaml`, `1.yaml` and so on, and of the environment.
fn layers(files: &[Value], environment: Value) -> Layers {
    let node = |value: Value, source| Node::from_json(json!({"gateway": value}), &Arc::new(source));
    let files = files.iter().enumerate().map(|(at, value)| {
        let path = PathBuf::from(format!("{at}.yaml"));
        Layer {
            file: Some(path.clone()),
            untrusted: None,
            section: node(value.clone(), Source::File(path)),
        }
    });
    let environment = node(environment, Source::Variable("DASK_GATEWAY".to_owned()));
    Layers::new(files.collect(), environment)
}

/// The address that the credentials are sent to, or the one that they are withheld for.
fn sent_to(
    layers: &Layers,
    variables: &[(&str, &str)],
    flag: Option<&str>,
) -> Result<String, String> {
    let variables = variables.iter().copied();
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let settings = Settings::new(layers, &variables.collect(), flag).expect("valid settings");
    match settings.credentials {
        Credentials::Withheld { configured_for, .. } => {
            Err(configured_for.map_or_else(String::new, |at| at.as_str().to_owned()))
        }
        _ => Ok(settings.address.as_str().to_owned()),
    }
}

fn token() -> Value {
    json!({"type": "jupyterhub", "kwargs": {"api_token": "t"}})
}

#[test]
fn flag_gets_the_token_only_if_it_names_the_configured_address() {
    let of_file = layers(
        &[json!({"address": "https://Hub.example.org/a/", "auth": token()})],
        json!({}),
    );
    let configured = "https://hub.example.org/a";
    for same in [
        configured,
        "https://hub.example.org:443/a",
        "HTTPS://HUB.example.org/a/",
    ] {
        assert_eq!(
            sent_to(&of_file, &[], Some(same)),
            Ok(configured.to_owned()),
            "{same}"
        );
    }
    for other in [
        "http://hub.example.org/a",
        "https://hub.example.org:444/a",
        "https://hub.example.org",
        "https://hub.example.org/a/b",
        "https://hub.example.org/A",
        "https://hub.example.org.evil.example/a",
        "https://evil.example/a",
    ] {
        assert_eq!(
            sent_to(&of_file, &[], Some(other)),
            Err(configured.to_owned()),
            "{other}"
        );
    }
}

#[test]
fn token_belongs_to_the_address_of_its_layer_or_of_the_next() {
    let (a, b) = ("https://a.example", "https://b.example");
    let at = |address: &str| json!({"address": address});
    let with_token = json!({"auth": token()});
    let both = json!({"address": a, "auth": token()});
    let nothing = json!({});
    let hub = json!({"address": a, "auth": {"type": "jupyterhub"}});
    let of_hub = [("JUPYTERHUB_API_TOKEN", "t")];
    let template = json!({"type": "jupyterhub", "kwargs": {"api_token": "{JUPYTERHUB_API_TOKEN}"}});
    let none: &[(&str, &str)] = &[];
    for (files, environment, variables, expected) in [
        // A site's address and the user's token.
        (
            vec![at(a), with_token.clone()],
            nothing.clone(),
            none,
            Ok(a),
        ),
        // The user's file replaces the site's address.
        (vec![at(b), both.clone()], nothing.clone(), none, Ok(a)),
        // A later file or variable replaces the address of the token.
        (vec![both.clone(), at(b)], nothing.clone(), none, Err(a)),
        (vec![both.clone()], at(b), none, Err(a)),
        (vec![at(a), with_token.clone()], at(b), none, Err(a)),
        // Only the environment has an address.
        (vec![with_token.clone()], at(b), none, Ok(b)),
        // The environment's token belongs to the address that counts.
        (vec![at(a)], with_token.clone(), none, Ok(a)),
        (
            vec![both.clone()],
            json!({"address": b, "auth": token()}),
            none,
            Ok(b),
        ),
        (vec![hub.clone()], nothing.clone(), &of_hub[..], Ok(a)),
        (vec![hub.clone()], at(b), &of_hub[..], Ok(b)),
        (
            vec![at(a), json!({"auth": template})],
            at(b),
            &of_hub[..],
            Err(a),
        ),
    ] {
        let shown = format!("{files:?} {environment}");
        let found = sent_to(&layers(&files, environment), variables, None);
        assert_eq!(
            found.as_deref().map_err(String::as_str),
            expected,
            "{shown}"
        );
    }
}

#[test]
fn token_without_an_address_is_never_sent_to_that_of_a_flag() {
    for (files, variables) in [
        (vec![json!({"auth": token()})], &[][..]),
        (
            vec![json!({"auth": {"type": "jupyterhub"}})],
            &[("JUPYTERHUB_API_TOKEN", "t")],
        ),
    ] {
        let layers = layers(&files, json!({}));
        let found = sent_to(&layers, variables, Some("https://b.example"));
        assert_eq!(found, Err(String::new()));
    }
}

#[test]
fn user_name_without_a_password_is_no_secret() {
    let layers = layers(&[json!({"address": "https://a.example"})], json!({}));
    let found = sent_to(&layers, &[("USER", "ada")], Some("https://b.example"));
    assert_eq!(found, Ok("https://b.example".to_owned()));
}

proptest! {
    /// A secret never goes to an address that a later layer or a flag has set.
    #[test]
    fn secret_goes_to_no_later_address(
        files in prop::collection::vec((option(), prop::bool::ANY), 0..4),
        environment in (option(), prop::bool::ANY),
        flag in option(),
    ) {
        let section = |(address, has_secret): &(Option<&str>, bool)| {
            let mut section = json!({"address": address});
            if *has_secret {
                section["auth"] = json!({"kwargs": {"password": "s3cret"}});
            }
            section
        };
        let all = files.iter().chain([&environment]).collect::<Vec<_>>();
        let sections = files.iter().map(section).collect::<Vec<_>>();
        let layers = layers(&sections, section(&environment));
        let variables = Environment::from_iter([("USER".to_owned(), "ada".to_owned())]);
        let Ok(settings) = Settings::new(&layers, &variables, flag) else {
            return Ok(());
        };
        if let (Credentials::Basic { password, .. }, Some(at)) = (
            &settings.credentials,
            all.iter().rposition(|(_, has_secret)| *has_secret),
        ) {
            prop_assert_eq!(password.expose(), "s3cret");
            // `address: null` takes an earlier address away.
            let own = all[at].0;
            let later = all[at + 1..].iter().find_map(|(address, _)| *address);
            let expected = own.or(later);
            prop_assert_eq!(Some(settings.address.as_str()), expected);
        }
    }
}

fn option() -> impl Strategy<Value = Option<&'static str>> {
    select(vec![
        None,
        Some("https://a.example"),
        Some("https://b.example"),
    ])
}

#[test]
fn new_file_comes_in_the_order_of_its_directory() {
    let of = |path: &str| Layer {
        file: Some(path.into()),
        untrusted: None,
        section: Node::default(),
    };
    let layers = Layers::new(
        vec![of("/site/z"), of("/own/a"), of("/own/h")],
        Node::default(),
    );
    for (path, expected) in [
        ("/own/g", ["/site/z", "/own/a", "/own/g", "/own/h"]),
        ("/own/z", ["/site/z", "/own/a", "/own/h", "/own/z"]),
        ("/new/a", ["/site/z", "/own/a", "/own/h", "/new/a"]),
    ] {
        let with_file = layers.with_file(Path::new(path), Node::default());
        let files = with_file
            .layers
            .iter()
            .filter_map(|layer| layer.file.clone());
        assert_eq!(files.collect::<Vec<_>>(), expected.map(PathBuf::from));
    }
}
