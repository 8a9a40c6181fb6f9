//! The picture of a terminal, drawn from a real one.

use std::{env, fs};

use regex::Regex;

use super::drawing;
use super::reader::Reader;
use super::session::Session;
use crate::support::{BASIC, Client, repository, until};

const PICTURE: &str = "tests/it/readme/terminal.svg";

const TITLE: &str = "dgw on a terminal";

/// Room for all of `dgw list -o wide` but what can be left out.
const COLUMNS: u16 = 88;

/// What is typed is bold, what is printed isn't.
const PROMPT: &str = r"\[\e[1;34m\]$\[\e[0;1m\] ";
const BEFORE_OUTPUT: &str = r"\e[0m";

#[test]
fn the_picture_shows_what_dgw_prints() {
    let picture = repository().join(PICTURE);
    let drawn = drawn();
    let kept = fs::read_to_string(&picture).unwrap_or_default();
    if essence(&kept) == essence(&drawn) {
        return;
    }
    if env::var("SNAPSHOTS").is_ok_and(|action| action == "overwrite") {
        fs::write(&picture, drawn).expect("the picture can be written");
        return;
    }
    assert_eq!(
        essence(&kept),
        essence(&drawn),
        "`SNAPSHOTS=overwrite cargo test picture` draws it again"
    );
}

/// A cluster is started, used, looked at beside another that is busy, and shut down.
fn drawn() -> String {
    let user = Reader::new(BASIC.user(), Vec::new()).user;
    let user = user
        .with("PS1", PROMPT)
        .with("PS0", BEFORE_OUTPUT)
        .with("TERM", "xterm-256color");
    let busy = user.stdout(&["new", "--workers", "1", "--wait-workers", "1"]);
    let work = "tasks = client.map(lambda n: time.sleep(1) or n, range(3600), pure=False)\n\
                while not client.processing(): time.sleep(.1)";
    let _client = Client::connect(&BASIC, &user, &busy, work);
    let mut session = Session::start(&user, COLUMNS);
    session.run("dgw new -s worker_cores=2 --workers 2", &[]);
    let names = user.stdout(&["list", "-o", "name"]);
    let name = names.lines().find(|name| *name != busy).expect("its name");
    session.run(
        &format!("dgw connect {} -- python analysis.py", &name[..4]),
        &[],
    );
    let is_idle = || {
        let clusters = user.json(&["list", "--wide", name]);
        clusters[0]["idle_since"].is_string() && clusters[0]["clients"] == 0
    };
    until(is_idle, || "the script never ended".to_owned());
    session.run("dgw list -o wide", &[]);
    session.run(&format!("dgw shutdown {}", &name[..4]), &[]);
    let rows = session.text().lines().count() - 1; // without the last prompt
    drawing::svg(&session.cells(), u16::try_from(rows).expect("few"), TITLE)
}

/// What differs from run to run replaced: names, times, memory, how far the other cluster is, and so
/// how wide columns are.
fn essence(svg: &str) -> String {
    let mut text = svg.to_owned();
    for (pattern, replacement) in [
        (r"\b\d+/3600\b", "LEFT/ALL"),
        (r#" x="[\d.]+""#, ""),
        (r"\b[0-9a-f]{4,32}…?(\s|<)", "NAME$1"),
        (r"\b(?:\d+m)?\d+s\b", "TIME"),
        (r"\b\d+\.\d/(\d+\.\d) GiB", "USED/$1 GiB"),
        (" +", " "),
        (" ?</tspan>", "</tspan>"),
    ] {
        let pattern = Regex::new(pattern).expect("a valid pattern");
        text = pattern.replace_all(&text, replacement).into_owned();
    }
    text
}
