//! `-o`: output formats.

use serde_json::{Value, json};
use snapbox::str;

use crate::support::BASIC;

#[test]
fn every_format_has_the_same_record() {
    let user = BASIC.user();
    let name = user.stdout(&["new", "-s", "environment=A=x y"]);
    user.dgw(&["list", "-o", "json"])
        .success()
        .stdout_eq(str![[r#"
[
  {
    "name": "[NAME]",
    "status": "RUNNING",
    "start_time": "[TIME]",
    "stop_time": null,
    "options": {
      "worker_cores": 1,
      "worker_memory": 1.0,
      "worker_setup": "",
      "profile": "small",
      "priority": 0,
      "spot": false,
      "environment": {
        "A": "…"
      },
      "scheduler_start": "normal"
    },
    "dashboard_link": "http://[HOST]/clusters/[NAME]/status",
    "scheduler_address": "gateway://[HOST]/[NAME]",
    "label": null
  }
]

"#]]);
    user.dgw(&["list", "-o", "jsonl"]).success().stdout_eq(str![[r#"
{"name":"[NAME]","status":"RUNNING","start_time":"[TIME]","stop_time":null,"options":{"worker_cores":1,"worker_memory":1.0,"worker_setup":"","profile":"small","priority":0,"spot":false,"environment":{"A":"…"},"scheduler_start":"normal"},"dashboard_link":"http://[HOST]/clusters/[NAME]/status","scheduler_address":"gateway://[HOST]/[NAME]","label":null}

"#]]);
    user.dgw(&["list", "-o", "yaml"])
        .success()
        .stdout_eq(str![[r#"
- name: "[NAME]"
  status: "RUNNING"
  start_time: "[TIME]"
  stop_time: null
  options:
    worker_cores: 1
    worker_memory: 1.0
    worker_setup: ""
    profile: "small"
    priority: 0
    spot: false
    environment:
      "A": "…"
    scheduler_start: "normal"
  dashboard_link: "http://[HOST]/clusters/[NAME]/status"
  scheduler_address: "gateway://[HOST]/[NAME]"
  label: null

"#]]);
    user.dgw(&["list", "-o", "csv"]).success().stdout_eq(str![[r#"
name,status,start_time,stop_time,options,dashboard_link,scheduler_address,label
[NAME],RUNNING,[TIME],,"{""worker_cores"":1,""worker_memory"":1.0,""worker_setup"":"""",""profile"":""small"",""priority"":0,""spot"":false,""environment"":{""A"":""…""},""scheduler_start"":""normal""}",http://[HOST]/clusters/[NAME]/status,gateway://[HOST]/[NAME],

"#]]);
    user.dgw(&["list", "-o", "csv", "--no-header"]).success().stdout_eq(str![[r#"
[NAME],RUNNING,[TIME],,"{""worker_cores"":1,""worker_memory"":1.0,""worker_setup"":"""",""profile"":""small"",""priority"":0,""spot"":false,""environment"":{""A"":""…""},""scheduler_start"":""normal""}",http://[HOST]/clusters/[NAME]/status,gateway://[HOST]/[NAME],

"#]]);
    assert_eq!(user.stdout(&["list", "-o", "json", "-o", "name"]), name);

    let list = user.json(&["list"]);
    assert_eq!(list[0], user.json(&["connect"]));
    assert_eq!(list[0], user.json(&["dashboard"]));
    let mut reused = user.json(&["new", "--reuse"]);
    let record = reused.as_object_mut().expect("a record");
    assert_eq!(record.remove("clamped"), Some(Value::Null));
    assert_eq!(list[0], reused);
    user.stdout(&["name", &name, "era5"]);
    for command in ["connect", "dashboard", "show"] {
        assert_eq!(user.json(&[command])["label"], "era5", "{command}");
    }
    user.stdout(&["name", &name, "--forget"]);
    let shown = user.json(&["list", "--show-values"]);
    assert_eq!(shown[0]["options"]["environment"], json!({"A": "x y"}));
    user.dgw(&["list", "--show-values", "-o", "name"])
        .success()
        .stderr_eq("warning: `--show-values` shows values in records only: add `-o json`\n");
    let lines = user.stdout(&["list", "-o", "jsonl"]);
    assert_eq!(
        serde_json::from_str::<Value>(&lines).expect("JSON"),
        list[0]
    );
}

#[test]
fn empty_list_is_an_empty_array() {
    let user = BASIC.user();
    assert_eq!(user.json(&["list"]), json!([]));
    assert_eq!(user.stdout(&["list", "-o", "yaml"]), "[]");
    for format in ["jsonl", "name", "table"] {
        assert_eq!(user.stdout(&["list", "-o", format]), "");
    }
}
