//! Looks up host names, at the limit of threads and descriptors too.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};
use std::sync::{Mutex, PoisonError};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::thread;

/// The last addresses of each host that was looked up.
static REMEMBERED: Mutex<BTreeMap<String, Vec<SocketAddr>>> = Mutex::new(BTreeMap::new());

/// The resolver of every HTTP client.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Resolver;

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            // The client adds the port.
            let addresses = resolve(name.as_str(), 0).await?;
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

/// Looks up the addresses of `host`, in a thread if there may be one. If that fails, returns those of
/// an earlier look-up: a cluster must be shut down even if it fails by then.
///
/// # Errors
/// There is no such host, or it can't be looked up.
pub(crate) async fn resolve(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    let host = host.trim_matches(['[', ']']).to_owned();
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    let name = host.clone();
    let found = match thread::start(move || look_up(&name)) {
        Ok(work) => work.await.and_then(|found| found),
        Err(refused) if remembered(&host).is_some() => Err(refused),
        // Everything else has to wait meanwhile.
        Err(_) => look_up(&host),
    };
    let mut addresses = match found {
        Ok(addresses) => {
            let mut all = REMEMBERED.lock().unwrap_or_else(PoisonError::into_inner);
            all.insert(host, addresses.clone());
            addresses
        }
        Err(error) => remembered(&host).ok_or(error)?,
    };
    for address in &mut addresses {
        address.set_port(port);
    }
    Ok(addresses)
}

fn look_up(host: &str) -> io::Result<Vec<SocketAddr>> {
    Ok((host, 0).to_socket_addrs()?.collect())
}

fn remembered(host: &str) -> Option<Vec<SocketAddr>> {
    let all = REMEMBERED.lock().unwrap_or_else(PoisonError::into_inner);
    all.get(host).cloned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(of: &[&str]) -> Vec<SocketAddr> {
        of.iter()
            .map(|text| text.parse().expect("an address"))
            .collect()
    }

    #[tokio::test]
    async fn address_is_not_looked_up() {
        let found = resolve("[::1]", 80).await.expect("an address");
        assert_eq!(found, addresses(&["[::1]:80"]));
        assert_eq!(remembered("::1"), None);
    }

    #[tokio::test]
    async fn host_that_can_no_longer_be_looked_up_is_remembered() {
        let found = resolve("localhost", 80).await.expect("an address");
        assert!(
            found
                .iter()
                .all(|address| address.ip().is_loopback() && address.port() == 80)
        );
        assert!(remembered("localhost").is_some());
        let gone = "gateway.invalid";
        assert!(resolve(gone, 443).await.is_err());
        let known = addresses(&["192.0.2.1:0", "192.0.2.2:0"]);
        REMEMBERED
            .lock()
            .expect("no panic")
            .insert(gone.to_owned(), known);
        let found = resolve(gone, 443).await.expect("remembered");
        assert_eq!(found, addresses(&["192.0.2.1:443", "192.0.2.2:443"]));
    }
}
