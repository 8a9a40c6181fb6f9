//! Runs a program and returns its output within limits.

use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncReadExt as _;
use tokio::process::Command;

use crate::duration;

/// Runs `command` and returns at most `size` bytes of its stdout. The program is killed when `limit`
/// expires or this future is dropped.
///
/// # Errors
/// Fails with the cause: the program can't be run, takes longer than `limit`, or fails; then with the
/// last line of its stderr.
pub(crate) async fn capture(
    command: &mut Command,
    size: u64,
    limit: Duration,
) -> Result<String, String> {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    tokio::time::timeout(limit, run(command, size))
        .await
        .unwrap_or_else(|_| Err(format!("no response within {}", duration::exact(limit))))
}

async fn run(command: &mut Command, size: u64) -> Result<String, String> {
    let mut child = command.spawn().map_err(|error| error.to_string())?;
    let (mut text, mut messages) = (Vec::new(), Vec::new());
    let pipes = child.stdout.take().zip(child.stderr.take());
    let (stdout, stderr) = pipes.ok_or("it has no output")?;
    let (mut stdout, mut stderr) = (stdout.take(size), stderr.take(size));
    let both = tokio::try_join!(
        stdout.read_to_end(&mut text),
        stderr.read_to_end(&mut messages)
    );
    both.map_err(|error| error.to_string())?;
    // A full pipe would block it for ever.
    drop((stdout, stderr));
    let status = child.wait().await.map_err(|error| error.to_string())?;
    if status.success() {
        return Ok(String::from_utf8_lossy(&text).into_owned());
    }
    let messages = String::from_utf8_lossy(&messages);
    let last = messages.trim_end().lines().next_back();
    Err(last.map_or_else(|| status.to_string(), |line| format!("{status}: {line}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn sh(script: &str, limit: Duration) -> Result<String, String> {
        capture(Command::new("sh").args(["-c", script]), 10, limit).await
    }

    #[tokio::test]
    async fn output_and_time_are_limited_and_failures_have_a_cause() {
        const LONG: Duration = Duration::from_secs(10);
        assert_eq!(sh("echo a; echo b >&2", LONG).await.as_deref(), Ok("a\n"));
        let cut = sh("printf 123456789012; exit 0", LONG).await;
        assert_eq!(cut.as_deref(), Ok("1234567890"));
        let failed = sh("echo one >&2; echo two >&2; exit 3", LONG).await;
        assert_eq!(failed, Err("exit status: 3: two".to_owned()));
        let late = sh("sleep 9", Duration::from_millis(50)).await;
        assert_eq!(late, Err("no response within 50ms".to_owned()));
        let missing = capture(&mut Command::new("/no/such"), 10, LONG).await;
        assert!(missing.is_err());
    }
}
