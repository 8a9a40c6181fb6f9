//! How this machine is reached from elsewhere.

use std::fs;
use std::path::Path;

/// The ssh line that, run on another machine, makes `port` there lead to `end` here.
pub(super) fn ssh_line(port: u16, end: &str) -> String {
    let forward = format!("{port}:{end}");
    let user = ["USER", "LOGNAME"].iter().find_map(|name| {
        let user = std::env::var(name).ok()?;
        is_plain(&user).then(|| format!("{user}@"))
    });
    let user = user.unwrap_or_default();
    format!("ssh -L {} -N {user}{}", quoted(&forward), host())
}

/// This machine's name, in full where the hosts file knows that.
fn host() -> String {
    let name = rustix::system::uname();
    let name = name.nodename().to_string_lossy();
    if !is_plain(&name) {
        return "HOST".to_owned();
    }
    let hosts = fs::read_to_string(Path::new("/etc/hosts")).unwrap_or_default();
    full_name(&name, &hosts).unwrap_or(name.into_owned())
}

/// The name with a domain that `hosts`, in the form of hosts(5), gives `name`.
fn full_name(name: &str, hosts: &str) -> Option<String> {
    let begins = |candidate: &&str| {
        let rest = candidate.strip_prefix(name);
        rest.is_some_and(|rest| rest.starts_with('.')) && is_plain(candidate)
    };
    let lines = hosts.lines().filter_map(|line| line.split('#').next());
    let mut names = lines.flat_map(|line| line.split_whitespace().skip(1));
    names.find(begins).map(str::to_owned)
}

/// Whether a shell and ssh take `text` as it stands.
fn is_plain(text: &str) -> bool {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
    text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_') && text.bytes().all(is_plain)
}

/// `text` as one word of a shell's.
fn quoted(text: &str) -> String {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"._-/:".contains(&b);
    if text.bytes().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hosts_file_may_know_the_full_name() {
        let hosts = "127.0.0.1 localhost\n10.0.0.5\tlogin1.example.org login1 # login\n\
                     10.0.0.6 login12.example.org\n# 10.0.0.7 login2.example.org\n";
        let full = |name| full_name(name, hosts);
        assert_eq!(full("login1").as_deref(), Some("login1.example.org"));
        assert_eq!(full("login12").as_deref(), Some("login12.example.org"));
        assert_eq!(full("login2"), None);
        assert_eq!(full("login1.example.org"), None);
    }

    #[test]
    fn a_shell_takes_the_path_as_one_word() {
        assert_eq!(quoted("8787:/home/ada/.s.sock"), "8787:/home/ada/.s.sock");
        assert_eq!(quoted("1:/my $x's"), r"'1:/my $x'\''s'");
    }
}
