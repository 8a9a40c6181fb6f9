//! Completion in real shells.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::{BASIC, Terminal, User, repository};

/// Creates a user with dgw on PATH.
fn user() -> User {
    let dgw = Path::new(env!("CARGO_BIN_EXE_dgw"));
    let directory = dgw.parent().expect("a directory").display();
    let path = std::env::var("PATH").unwrap_or_default();
    BASIC.user().with("PATH", &format!("{directory}:{path}"))
}

fn script(name: &str) -> String {
    let script = repository().join("completions").join(name);
    script.display().to_string()
}

/// Types `typed`, waits until `marker` is shown, and deletes the line.
fn complete(shell: &mut Terminal, typed: &str, marker: &str) -> String {
    const KILL_LINE: &str = "\x15";
    shell.type_(typed);
    let shown = shell.wait_for(marker);
    shell.type_(KILL_LINE);
    shown
}

/// Checks that what follows `--` is completed as a command line of its own.
fn assert_completes_commands(user: &User, shell: &mut Terminal) {
    fs::write(user.home().join("an analysis.py"), "").expect("a file");
    complete(shell, "dgw run -- mktem\t", "mktemp");
    complete(shell, "dgw connect 22 -- mktem\t", "mktemp");
    complete(
        shell,
        "dgw run --workers 2 -- python an\t",
        "an\\ analysis.py",
    );
    complete(shell, "dgw run -- cat /etc/hostn\t", "/etc/hostname");
}

#[test]
fn bash_completes_names_keys_and_choices() {
    let user = user().with("PS1", "ready> ");
    let name = user.stdout(&["new"]);
    let args = ["--norc", "--noprofile", "-i"];
    let mut bash = Terminal::running(&user, 200, "bash", &args);
    bash.type_(&format!("source '{}'\r", script("dgw.bash")));
    bash.wait_for("ready> ");
    complete(&mut bash, "dgw show \t", &name);
    complete(&mut bash, "dgw new -s prof\t", "profile=");
    complete(&mut bash, "dgw new -s profile=s\t", "profile=small");
    let shown = complete(&mut bash, "dgw new -s profile=\t\t", "small");
    assert!(!shown.contains("profile=small"), "{shown}");
    complete(&mut bash, "dgw list --status=fa\t", "--status=failed");
    complete(
        &mut bash,
        "dgw new --set=profile=s\t",
        "--set=profile=small",
    );
    let shown = complete(&mut bash, "dgw new --set=profile=\t\t", "small");
    assert!(!shown.contains("profile=profile"), "{shown}");
    complete(&mut bash, "dgw wait --for i\t", "idle");
    let shown = complete(&mut bash, "dgw logs --al\t", "--all-workers");
    assert!(!shown.contains("--address"), "{shown}");
    assert_completes_commands(&user, &mut bash);
    bash.type_("exit\r");
    bash.rest();
}

#[test]
#[ignore = "needs zsh and fish"]
fn zsh_completes_names_with_descriptions() {
    let user = user().with("PS1", "ready> ");
    let name = user.stdout(&["new"]);
    user.stdout(&["new"]);
    let mut zsh = Terminal::running(&user, 200, "zsh", &["-f", "-i"]);
    zsh.type_(&format!(
        "autoload -U compinit; compinit -u -D; source '{}'\r",
        script("_dgw")
    ));
    zsh.wait_for("ready> ");
    let shown = complete(&mut zsh, "dgw show \t\t", &name);
    assert!(!shown.contains("--probe-timeout"), "{shown}");
    let shown = complete(&mut zsh, "dgw show \t\t", "RUNNING");
    assert!(shown.contains("-- RUNNING"), "{shown}");
    complete(&mut zsh, "dgw new -s prof\t", "profile=");
    complete(&mut zsh, "dgw new -s profile=s\t", "profile=small");
    complete(&mut zsh, "dgw new --set=profile=s\t", "--set=profile=small");
    // No space is inserted between a key and its value.
    complete(&mut zsh, "dgw new -s prof\tsm\t", "profile=small");
    assert_completes_commands(&user, &mut zsh);
    zsh.type_("exit\r");
    zsh.rest();
}

#[test]
#[ignore = "needs zsh and fish"]
fn zsh_completes_by_a_script_on_fpath() {
    let user = user().with("PS1", "ready> ");
    let name = user.stdout(&["new"]);
    let mut zsh = Terminal::running(&user, 200, "zsh", &["-f", "-i"]);
    let directory = repository().join("completions");
    zsh.type_(&format!(
        "fpath=('{}' $fpath); autoload -U compinit; compinit -u -D\r",
        directory.display()
    ));
    zsh.wait_for("ready> ");
    complete(&mut zsh, "dgw show \t", &name);
    zsh.type_("exit\r");
    zsh.rest();
}

#[test]
#[ignore = "needs zsh and fish"]
fn fish_completes_names_with_descriptions() {
    let user = user();
    let name = user.stdout(&["new"]);
    let offered = |line: &str| {
        let commands = format!("source '{}'; complete -C '{line}'", script("dgw.fish"));
        let mut fish = Command::new("fish");
        fish.args(["--no-config", "-c", &commands]);
        fish.current_dir(user.home());
        let output = fish.env_clear().envs(user.environment()).output();
        let output = output.expect("fish runs");
        assert_eq!(String::from_utf8_lossy(&output.stderr), "");
        String::from_utf8(output.stdout).expect("UTF-8")
    };
    let names = offered("dgw show ");
    assert!(names.starts_with(&format!("{name}\tRUNNING ")), "{names}");
    assert_eq!(names.lines().count(), 1, "{names}");
    assert!(offered("dgw new -s prof").starts_with("profile=\tProfile "));
    assert_eq!(offered("dgw new -s profile=s"), "profile=small\n");
    let set = offered("dgw new --set=profile=s");
    assert_eq!(set, "--set=profile=small\n");
    fs::write(user.home().join("an analysis.py"), "").expect("a file");
    assert!(offered("dgw run -- mktem").starts_with("mktemp\t"));
    assert!(offered("dgw connect 22 -- mktem").starts_with("mktemp\t"));
    let file = offered("dgw run --workers 2 -- python an");
    assert_eq!(file, "an analysis.py\n");
    let file = offered("dgw run -- cat /etc/hostn");
    assert_eq!(file, "/etc/hostname\n");
    assert!(offered("dgw list --all-w").is_empty());
    assert!(offered("dgw list --").contains("--older-than\t"));
}
