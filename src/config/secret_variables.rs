//! Which environment variables hold the user's credentials.

use std::ffi::OsString;

use super::credentials::Credentials;
use super::http_proxy::HttpProxy;
use super::settings::Settings;

/// A secret as long as this is looked for within values, too: a shorter one might be found anywhere.
const TELLING: usize = 8;

/// The names of this process's variables that hold the user's credentials for the gateway, or may:
/// nothing for the programs that dgw starts. By what they are called, and by what they hold, as where
/// the configuration has a `{NAME}` in the place of the token.
pub(crate) fn secret_variables(settings: &Settings) -> Vec<OsString> {
    let mut secrets = match &settings.credentials {
        Credentials::Basic { password, .. } => vec![password.expose()],
        Credentials::JupyterHub { token } => vec![token.expose()],
        Credentials::Kerberos => Vec::new(),
    };
    if let HttpProxy::Url(url) = &settings.http_proxy {
        secrets.push(url.expose());
    }
    secrets.retain(|secret| !secret.is_empty());
    let holds = |value: &str| {
        secrets
            .iter()
            .any(|secret| value == *secret || (secret.len() >= TELLING && value.contains(secret)))
    };
    std::env::vars_os()
        .filter(|(name, value)| {
            name.to_str().is_some_and(is_for_secrets) || holds(&value.to_string_lossy())
        })
        .map(|(name, _)| name)
        .collect()
}

/// Whether a variable of this name may hold a token or a password: JupyterHub's, those that set
/// them for dask, and the one by which dask hands its whole configuration to the processes it starts.
fn is_for_secrets(name: &str) -> bool {
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
    fn what_sets_a_secret_is_known_by_its_name() {
        for name in [
            "JUPYTERHUB_API_TOKEN",
            "DASK_GATEWAY__AUTH__KWARGS__API_TOKEN",
            "DASK_gateway__auth__kwargs__password",
            "DASK_GATEWAY__AUTH",
            "DASK_GATEWAY__HTTP-CLIENT__PROXY",
            "DASK_INTERNAL_INHERIT_CONFIG",
        ] {
            assert!(is_for_secrets(name), "{name}");
        }
        for name in ["DASK_GATEWAY__ADDRESS", "DASK_CONFIG", "HTTP_PROXY", "PATH"] {
            assert!(!is_for_secrets(name), "{name}");
        }
    }
}
