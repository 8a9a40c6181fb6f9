//! Somebody who does what the README says, on a machine that has what it takes for granted.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use regex::Regex;

use crate::support::{BASIC, User, repository, write_private};

use super::elsewhere;
use super::page::Block;
use super::session::Session;

/// As wide as terminals are.
const COLUMNS: u16 = 80;

/// The cluster of the README's examples, and what it is called there for short.
const EXAMPLE: &str = r"\b8fdb\b";

/// Commands that stay until Ctrl-C, and what they show last of what they show at once.
const STAYS: [(&str, &str); 1] = [("dgw dashboard --serve", "ssh -L")];

/// A reader of one section.
pub(super) struct Reader {
    pub(super) user: User,
    /// What stands in the README for what differs from reader to reader, and what it is here.
    here: Vec<(&'static str, String)>,
    /// What is typed where a question ends so.
    answers: Vec<(&'static str, String)>,
    blocks: std::vec::IntoIter<Block>,
}

impl Reader {
    /// `user`, with dgw and all else that the README runs on the PATH.
    pub(super) fn new(user: User, blocks: Vec<Block>) -> Self {
        let home = user.home().display().to_string();
        let programs = user.home().join("programs");
        fs::create_dir(&programs).expect("a folder");
        symlink(env!("CARGO_BIN_EXE_dgw"), programs.join("dgw")).expect("a link");
        // What a reader has, but a machine for tests may not have. Of srun even where it is there:
        // it needs a Slurm that runs.
        let inherited = std::env::var("PATH").unwrap_or_default();
        for (name, is_real_better) in [("srun", false), ("pass", false), ("jq", true)] {
            let is_here =
                std::env::split_paths(&inherited).any(|folder| folder.join(name).is_file());
            if !(is_real_better && is_here) {
                let stand_in = repository().join("tests/it/readme/stand-ins").join(name);
                symlink(stand_in, programs.join(name)).expect("a link");
            }
        }
        let script = repository().join("tests/it/readme/analysis.py");
        fs::copy(script, user.home().join("analysis.py")).expect("a copy");
        let python = BASIC.python().parent().expect("its folder").display();
        let path = format!("{}:{python}:{inherited}", programs.display());
        let user = user
            .with("PATH", &path)
            .with("LANG", "C.UTF-8")
            .with("PS1", "$ ");
        Self {
            here: vec![
                ("/home/ada/", format!("{home}/")),
                ("/usr/local/bin", programs.display().to_string()),
                // Of a gateway whose clusters have no more than 4, on a machine of 2 cores.
                ("--workers 8 ", "--workers 2 ".to_owned()),
                ("--workers 20 ", "--workers 2 ".to_owned()),
            ],
            answers: Vec::new(),
            user,
            blocks: blocks.into_iter(),
        }
    }

    /// Who reads `real` where the README says `example`.
    pub(super) fn reading(mut self, example: &'static str, real: &str) -> Self {
        self.here.push((example, real.to_owned()));
        self
    }

    /// Who types `answer` where a question ends with `question`.
    pub(super) fn answering(mut self, question: &'static str, answer: &str) -> Self {
        self.answers.push((question, answer.to_owned()));
        self
    }

    /// Does what the next block says, and returns what it printed to stdout.
    pub(super) fn go_on(&mut self) -> String {
        let block = self.next();
        self.follow(&block)
    }

    pub(super) fn next(&mut self) -> Block {
        self.blocks.next().expect("the section has another block")
    }

    pub(super) fn is_through(&self) -> bool {
        self.blocks.len() == 0
    }

    pub(super) fn follow(&self, block: &Block) -> String {
        let text = self.localized(&block.text);
        match block.language.as_str() {
            "sh" => self.script(&text),
            "console" => {
                self.console(&text);
                String::new()
            }
            "yaml" => {
                write_private(&self.user.configuration(), &text);
                String::new()
            }
            "crontab" => self.cron(&text),
            other => panic!("nothing runs what is fenced as `{other}`:\n{text}"),
        }
    }

    pub(super) fn localized(&self, text: &str) -> String {
        let here = self.here.iter();
        here.fold(text.to_owned(), |text, (example, real)| {
            text.replace(example, real)
        })
    }

    /// A script of POSIX's shell, as a file; dash where it is there, as it allows the least. Every
    /// command in it must succeed.
    pub(super) fn script(&self, text: &str) -> String {
        let is_here = |line: &&str| !elsewhere::is_run(line);
        let lines = text.lines().filter(is_here).collect::<Vec<_>>();
        let mut shell = self.shell(&self.written(&lines.join("\n")));
        let output = shell.output().expect("sh runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{text}{}: {said}", output.status);
        String::from_utf8(output.stdout).expect("UTF-8")
    }

    /// A shell that runs this file in the user's home.
    pub(super) fn shell(&self, script: &Path) -> Command {
        let dash = Path::new("/bin/dash");
        let mut shell = Command::new(if dash.exists() {
            dash
        } else {
            Path::new("/bin/sh")
        });
        shell
            .arg("-e")
            .arg(script)
            .current_dir(self.user.home())
            .env_clear()
            .envs(self.user.environment())
            .stdin(Stdio::null());
        shell
    }

    /// A file with this text, as it reads here.
    pub(super) fn written(&self, text: &str) -> PathBuf {
        let path = self.user.home().join("script.sh");
        fs::write(&path, self.localized(text)).expect("a file");
        path
    }

    /// Commands after `$ ` on a terminal, which must then show what the README shows.
    fn console(&self, text: &str) {
        let mut session = Session::start(&self.user, COLUMNS);
        let answers = self
            .answers
            .iter()
            .map(|(question, answer)| (*question, answer.as_str()));
        let answers = answers.collect::<Vec<_>>();
        let example = Regex::new(EXAMPLE).expect("a valid pattern");
        let mut expected = String::new();
        let mut stays = false;
        for line in text.lines() {
            let Some(command) = line.strip_prefix("$ ") else {
                expected.push_str(&[line.trim_end(), "\n"].concat());
                continue;
            };
            let command = if example.is_match(command) {
                let name = self.user.stdout(&["list", "-o", "name"]);
                example.replace_all(command, &name[..4]).into_owned()
            } else {
                command.to_owned()
            };
            expected.push_str(&["$ ", &command, "\n"].concat());
            let sign = STAYS.iter().find(|(stays, _)| command.starts_with(stays));
            if let Some((_, sign)) = sign {
                session.begin(&command, sign);
                stays = true;
            } else {
                session.run(&command, &answers);
            }
        }
        let shown = session.text();
        let shown = shown.lines().map(|line| [line.trim_end(), "\n"].concat());
        let shown = shown.collect::<String>();
        if stays {
            session.interrupt();
        }
        let shown = shown.strip_suffix("$\n").unwrap_or(&shown);
        let assert = self.user.assert();
        assert.eq(shown, pattern(&assert.redactions().redact(&expected)));
    }

    /// What these lines of a crontab print, each run as cron runs it.
    fn cron(&self, text: &str) -> String {
        let mut variables = vec![
            ("HOME".to_owned(), self.user.home().display().to_string()),
            ("LOGNAME".to_owned(), "ada".to_owned()),
            ("SHELL".to_owned(), "/bin/sh".to_owned()),
        ];
        let field = r"(?:\*|\d+(?:-\d+)?)(?:/\d+)?";
        let job = Regex::new(&format!(r"^(?:{field} ){{5}}(.+)$")).expect("a valid pattern");
        let mut printed = String::new();
        for line in text.lines() {
            let Some(job) = job.captures(line) else {
                let (name, value) = line.split_once('=').expect("a job or a variable");
                variables.push((name.to_owned(), value.to_owned()));
                continue;
            };
            let command = &job[1];
            assert!(
                !command.contains('%'),
                "cron ends a command there: {command}"
            );
            let output = Command::new("/bin/sh")
                .args(["-c", command])
                .current_dir(self.user.home())
                .env_clear()
                .envs(variables.iter().cloned())
                .stdin(Stdio::null())
                .output()
                .expect("sh runs");
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{command}: {said}");
            assert_eq!(said, "", "{command}");
            printed += &String::from_utf8(output.stdout).expect("UTF-8");
        }
        printed
    }
}

/// `…` stands for what is left out, alone in its line for whole lines.
fn pattern(text: &str) -> String {
    let lines = text.lines().map(|line| match line {
        "…" => "...\n".to_owned(),
        line => [
            &line
                .replace('…', "[..]")
                .replace("40123", "[..]")
                .replace("3f9a0c1b2d4e5f67", "[..]"),
            "\n",
        ]
        .concat(),
    });
    lines
        .collect::<String>()
        .replace("ada@login1.example.org", "[..]")
        .replace("` as `ada`", "` as `[..]`")
}
