//! Finds the environment variables that hold the user's credentials.

use std::ffi::OsString;

use super::credentials::Credentials;
use super::http_proxy::HttpProxy;
use super::secret::MIN_SEARCHED_LENGTH;
use super::settings::Settings;

/// Returns the names of this process's variables that hold, or may hold, the user's credentials for
/// the gateway; programs that dgw starts must not get them. A variable is recognized by its name, by
/// its value, or because the configuration makes the token of it, as in `{NAME}`.
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
    let is_part = |name: &str| {
        settings.secret_fields.iter().any(|field| field == name) && !NEEDED.contains(&name)
    };
    std::env::vars_os()
        .filter(|(name, value)| {
            name.to_str()
                .is_some_and(|name| may_hold_secret(name) || is_part(name))
                || holds(&value.to_string_lossy())
        })
        .map(|(name, _)| name)
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
