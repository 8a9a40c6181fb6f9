//! `dgw packages`

use std::fs;

use serde_json::{Value, json};
use snapbox::str;

use crate::support::{BASIC, User};

/// Returns the rows that `dgw packages` prints as JSON.
pub(crate) fn rows(user: &User, args: &[&str]) -> Value {
    let text = user.stdout(&[&["packages", "-o", "json"], args].concat());
    serde_json::from_str(&text).expect("JSON")
}

/// Returns the row of a package.
fn row<'a>(rows: &'a Value, name: &str) -> &'a Value {
    let mut rows = rows.as_array().expect("rows").iter();
    let found = rows.find(|row| row["name"] == name);
    found.unwrap_or_else(|| panic!("no {name}"))
}

/// Asserts what `dgw packages` says of a cluster of two workers that have what the tests' Python has.
pub(crate) fn assert_compares(user: &User) {
    let python = BASIC.fact("python");
    user.dgw(&["packages", "--check", "--", python])
        .success()
        .stdout_eq("")
        .stderr_eq(str![[r#"
0 of [..] packages differ between `[..]/python`, the scheduler of cluster [NAME] and 2 workers

"#]]);
    // An empty entry is the working directory, whose modules must not run.
    let trap = user.home().join("trap");
    fs::create_dir(&trap).expect("created");
    for module in ["sitecustomize.py", "json.py"] {
        fs::write(trap.join(module), "open('imported', 'w')").expect("written");
    }
    let mut trapped = user.command(&["packages", "--check", "-q", "--", python]);
    trapped.current_dir(&trap).env("PYTHONPATH", ":");
    assert!(trapped.status().expect("dgw runs").success());
    assert!(!trap.join("imported").exists());
    let all = rows(user, &["--all", "--", python]);
    let dask = row(&all, "dask");
    assert_eq!(all[0]["name"], "python");
    assert_eq!(
        (&dask["difference"], &dask["here"]),
        (&json!("none"), &dask["scheduler"])
    );
    let workers = &dask["workers"];
    assert_eq!(
        (&workers[0]["count"], &workers[0]["version"]),
        (&json!(2), &dask["here"])
    );
    assert!(
        row(&all, "dask-gateway-server")["scheduler"].is_string(),
        "{all}"
    );

    // An interpreter with other packages, which prints something else first.
    let listing = r#"echo warning; echo '{"python": "3.1.7", "packages":
        {"Dask": "1\u001b[2J", "only.here": "7", "distributed": null}}' | tr -d '\n'"#;
    let other = ["--", "sh", "-c", listing];
    let found = rows(user, &other);
    let versions = ["python", "dask", "distributed"].map(|name| &row(&found, name)["here"]);
    assert_eq!(
        versions,
        [&json!("3.1.7"), &json!("1\u{1b}[2J"), &json!("missing")]
    );
    let only = row(&found, "only-here");
    assert_eq!(
        (
            &only["difference"],
            &only["scheduler"],
            &only["workers"][0]["version"]
        ),
        (&json!("missing"), &json!("missing"), &json!("missing"))
    );
    let failed = user.dgw(&[&["packages", "--check"], &other[..]].concat());
    let output = failed.code(1).get_output().clone();
    let table = String::from_utf8(output.stdout).expect("UTF-8");
    let lines = table.lines().collect::<Vec<_>>();
    assert!(lines[0].starts_with("PACKAGE"), "{table}");
    assert!(
        lines[1].starts_with("python") && lines[1].contains("  breaking "),
        "{table}"
    );
    assert!(lines[2].contains(r"  1\x1b[2J  "), "{table}");
    let said = String::from_utf8(output.stderr).expect("UTF-8");
    let expected = "error: packages differ in a way that breaks work: python, dask, distributed, ";
    assert!(said.contains(expected), "{said}");

    user.dgw(&["packages", "--", "no-such-python"])
        .code(127)
        .stdout_eq("");
    user.dgw(&["packages", "--", "sh", "-c", "echo no >&2; exit 3"])
        .code(1)
        .stdout_eq("")
        .stderr_eq(str![[r#"
error: can't list the packages of `sh -c echo no >&2; exit 3`: exit status: 3: no

hint: name the interpreter of your work: `dgw packages -- /path/to/python`

"#]]);
    // Without one here, the cluster's are still compared.
    let mut absent = user.command(&["packages", "--check"]);
    let output = absent.env("PATH", "/nowhere").output().expect("dgw runs");
    let said = String::from_utf8(output.stderr).expect("UTF-8");
    assert!(
        output.status.success() && output.stdout.is_empty(),
        "{said}"
    );
    user.assert().eq(said, str![[r#"
warning: the packages here are not compared: can't list the packages of `python3`: No such file or directory (os error 2); name your interpreter with `dgw packages -- PYTHON`
0 of [..] packages differ between the scheduler of cluster [NAME] and 2 workers

"#]]);
}
