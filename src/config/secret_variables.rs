//! Finds the environment variables that hold the user's credentials.

use std::ffi::OsString;

use super::credentials::Credentials;
use super::environment::Environment;
use super::find::{self, Candidate};
use super::http_proxy::HttpProxy;
use super::layers::secret_fields;
use super::read;
use super::secret::MIN_SEARCHED_LENGTH;
use super::selection::{ConfigSelection, gateway_names};
use super::settings::Settings;

/// Returns the names of this process's variables that hold, or may hold, the user's credentials for
/// a gateway; programs that dgw starts must not get them. A variable is recognized by its name, by
/// its value, or because the configuration makes a token of it, as in `{NAME}`, also for another
/// gateway than that of `settings`.
pub(crate) fn secret_variables(settings: &Settings) -> Vec<OsString> {
    let mut secrets = match &settings.credentials {
        Credentials::Basic { password, .. } => vec![password.expose()],
        Credentials::JupyterHub { token } => vec![token.expose()],
        Credentials::Kerberos | Credentials::Withheld { .. } => Vec::new(),
    };
    if let HttpProxy::Url(url) = &settings.http_proxy {
        secrets.push(url.expose());
    }
    secrets.retain(|secret| !secret.is_empty());
    let holds = |value: &str| {
        secrets.iter().any(|secret| {
            value == *secret || (secret.len() >= MIN_SEARCHED_LENGTH && value.contains(secret))
        })
    };
    let of_others = fields_of_all_gateways(&Environment::from_process());
    let fields = settings.secret_fields.iter().chain(&of_others);
    let fields = fields.map(String::as_str).collect::<Vec<_>>();
    let is_part = |name: &str| fields.contains(&name) && !NEEDED.contains(&name);
    std::env::vars_os()
        .filter(|(name, value)| {
            name.to_str()
                .is_some_and(|name| may_hold_secret(name) || is_part(name))
                || holds(&value.to_string_lossy())
        })
        .map(|(name, _)| name)
        .collect()
}

/// Returns the names of the variables that the secrets of all gateways are made of, even in files
/// that are refused.
fn fields_of_all_gateways(environment: &Environment) -> Vec<String> {
    let default = find::candidates(environment, &ConfigSelection::Dask).unwrap_or_default();
    let named = gateway_names(environment).unwrap_or_default().into_iter();
    let named = named.filter_map(|name| name.file(environment).ok().map(Candidate::named));
    let sections = default.into_iter().chain(named);
    let sections = sections.filter_map(|candidate| read::untrusted_section(&candidate));
    sections
        .flat_map(|section| secret_fields(&section))
        .collect()
}

/// Variables that programs need, and that are no secret even where a password is made of them.
const NEEDED: [&str; 7] = [
    "HOME", "HOSTNAME", "LANG", "LOGNAME", "PATH", "SHELL", "USER",
];

/// Returns true if a variable of this name may hold a token or a password: JupyterHub's, those that
/// set them for dask, and the one by which dask passes its whole configuration to the processes it
/// starts.
fn may_hold_secret(name: &str) -> bool {
    let plain = name.to_uppercase().replace('-', "_").replace('.', "__");
    ["JUPYTERHUB_API_TOKEN", "DASK_INTERNAL_INHERIT_CONFIG"].contains(&name)
        || ["DASK_GATEWAY", "DASK_GATEWAY__HTTP_CLIENT"].contains(&plain.as_str())
        || plain.starts_with("DASK_GATEWAY__AUTH")
        || plain.starts_with("DASK_GATEWAY__HTTP_CLIENT__PROXY")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_variables_of_every_gateway() {
        let home = tempfile::tempdir().expect("a directory");
        let directory = home.path().join(".config/dask");
        std::fs::create_dir_all(directory.join("gateways")).expect("created");
        for (file, key) in [
            ("gateway.yaml", "api_token: 'x{DEFAULT_TOKEN}'"),
            ("gateways/work.yaml", "password: '{WORK_PASSWORD}'"),
            ("gateways/home.yaml", "username: '{NAME}'"),
        ] {
            let text = format!("gateway:\n  auth:\n    kwargs:\n      {key}\n");
            std::fs::write(directory.join(file), text).expect("written");
        }
        let environment = [
            ("HOME".to_owned(), home.path().display().to_string()),
            ("DASK_ROOT_CONFIG".to_owned(), "/nowhere".to_owned()),
        ];
        let fields = fields_of_all_gateways(&Environment::from_iter(environment));
        assert_eq!(fields, ["DEFAULT_TOKEN", "WORK_PASSWORD"]);
    }

    #[test]
    fn recognizes_secret_variables_by_name() {
        for name in [
            "JUPYTERHUB_API_TOKEN",
            "DASK_GATEWAY__AUTH__KWARGS__API_TOKEN",
            "DASK_gateway__auth__kwargs__password",
            "DASK_GATEWAY__AUTH",
            "DASK_GATEWAY__HTTP-CLIENT__PROXY",
            "DASK_INTERNAL_INHERIT_CONFIG",
            "DASK_GATEWAY",
            "DASK_GATEWAY__HTTP_CLIENT",
            "DASK_GATEWAY.AUTH.KWARGS",
        ] {
            assert!(may_hold_secret(name), "{name}");
        }
        for name in ["DASK_GATEWAY__ADDRESS", "DASK_CONFIG", "HTTP_PROXY", "PATH"] {
            assert!(!may_hold_secret(name), "{name}");
        }
    }
}
