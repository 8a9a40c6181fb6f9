//! The ssh command that brings a served dashboard to another machine.

/// Returns the ssh command that, run on another machine, forwards `port` there to `end` here.
pub(super) fn ssh_command(port: u16, end: &str) -> String {
    let user = ["USER", "LOGNAME"].iter().find_map(|name| {
        let user = std::env::var(name).ok()?;
        is_plain(&user).then(|| format!("{user}@"))
    });
    let user = user.unwrap_or_default();
    let forward = quote(&format!("{port}:{end}"));
    format!("ssh -L {forward} -N {user}{}", host_name())
}

/// Returns this machine's name, as the system has it.
fn host_name() -> String {
    let system = rustix::system::uname();
    let name = system.nodename().to_string_lossy();
    if is_plain(&name) {
        name.into_owned()
    } else {
        "HOST".to_owned()
    }
}

/// Returns true if a shell and ssh accept `text` unquoted.
fn is_plain(text: &str) -> bool {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
    text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_') && text.bytes().all(is_plain)
}

/// Quotes `text` as one word of a shell, if it needs quotes.
fn quote(text: &str) -> String {
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
    fn quotes_a_path_as_one_word() {
        assert_eq!(quote("8787:/home/ada/.s.sock"), "8787:/home/ada/.s.sock");
        assert_eq!(quote("1:/my $x's"), r"'1:/my $x'\''s'");
    }
}
