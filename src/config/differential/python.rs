//! The Python process that reads all cases.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Map, Value, json};

pub(super) struct Python {
    process: Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
}

impl Python {
    /// Starts it in the virtual environment of the test gateway, which is created if there is none.
    pub(super) fn start() -> Self {
        let mut process = Command::new("python3")
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/gateway"))
            .arg("config")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python3 starts");
        let stdin = process.stdin.take();
        let stdout = process.stdout.take().expect("stdout is piped");
        Self {
            process,
            stdin,
            stdout: BufReader::new(stdout),
        }
    }

    /// Returns what dask reads from these variables, and from the files that they name.
    pub(super) fn reads(&mut self, variables: &[(String, String)], prefix: &Path) -> Value {
        let pairs = variables
            .iter()
            .map(|(name, value)| (name.clone(), json!(value)));
        let request = json!({"variables": pairs.collect::<Map<_, _>>(), "prefix": prefix});
        let stdin = self.stdin.as_mut().expect("stdin is open");
        writeln!(stdin, "{request}").expect("Python reads");
        let mut line = String::new();
        self.stdout.read_line(&mut line).expect("Python responds");
        serde_json::from_str(&line).expect("a response")
    }
}

impl Drop for Python {
    fn drop(&mut self) {
        drop(self.stdin.take());
        let _ = self.process.wait();
    }
}
