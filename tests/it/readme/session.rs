//! A shell on a terminal, where commands are typed as the README shows them.

use crate::support::{Screen, Terminal, User};

/// More rows than anything here fills.
const ROWS: u16 = 60;

/// bash, at its prompt.
pub(super) struct Session {
    screen: Screen,
    /// How many prompts there are on the screen.
    prompts: usize,
}

impl Session {
    /// On a terminal of so many columns. `user`'s `PS1` must show as `$ `.
    pub(super) fn start(user: &User, columns: u16) -> Self {
        let bash = ["--norc", "--noprofile", "--noediting", "-i"];
        let mut screen = Screen::of(Terminal::running(user, columns, "bash", &bash));
        screen.resize(ROWS, columns);
        let mut session = Self { screen, prompts: 0 };
        session.wait(&[]);
        session
    }

    /// Types a command and waits for its end. To a question that ends so, there is an answer.
    pub(super) fn run(&mut self, command: &str, answers: &[(&str, &str)]) {
        self.type_(command);
        self.wait(answers);
    }

    /// Types a command and doesn't wait for its end, but until `sign` is on the screen.
    pub(super) fn begin(&mut self, command: &str, sign: &str) {
        self.type_(command);
        self.screen.shows(sign);
    }

    /// Ctrl-C.
    pub(super) fn interrupt(&mut self) {
        self.screen.type_("\x03");
        self.wait(&[]);
    }

    /// All that is on the screen, lines that it has wrapped whole again.
    pub(super) fn text(&self) -> String {
        self.screen.text()
    }

    pub(super) fn cells(&self) -> vt100::Screen {
        self.screen.cells()
    }

    fn type_(&mut self, command: &str) {
        self.screen.type_(&[command, "\n"].concat());
    }

    fn wait(&mut self, answers: &[(&str, &str)]) {
        let mut left = answers.iter();
        let mut next = left.next();
        loop {
            let prompts = self.prompts + 1;
            let is_back = |text: &str| {
                let is_prompt = |line: &&str| *line == "$" || line.starts_with("$ ");
                text.lines().filter(is_prompt).count() == prompts
                    && text
                        .lines()
                        .last()
                        .is_some_and(|line| line.trim_end() == "$")
            };
            let text = self.screen.when("prompt", |text| {
                is_back(text)
                    || next.is_some_and(|(question, _)| text.trim_end().ends_with(question))
            });
            if is_back(&text) {
                self.prompts = prompts;
                return;
            }
            if let Some((_, answer)) = next {
                self.screen.type_(&[answer, "\n"].concat());
            }
            next = left.next();
        }
    }
}
