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
        "A": "x y"
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
{"name":"[NAME]","status":"RUNNING","start_time":"[TIME]","stop_time":null,"options":{"worker_cores":1,"worker_memory":1.0,"worker_setup":"","profile":"small","priority":0,"spot":false,"environment":{"A":"x y"},"scheduler_start":"normal"},"dashboard_link":"http://[HOST]/clusters/[NAME]/status","scheduler_address":"gateway://[HOST]/[NAME]","label":null}

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
      "A": "x y"
    scheduler_start: "normal"
  dashboard_link: "http://[HOST]/clusters/[NAME]/status"
  scheduler_address: "gateway://[HOST]/[NAME]"
  label: null

"#]]);
    user.dgw(&["list", "-o", "csv"]).success().stdout_eq(str![[r#"
name,status,start_time,stop_time,options,dashboard_link,scheduler_address,label
[NAME],RUNNING,[TIME],,"{""worker_cores"":1,""worker_memory"":1.0,""worker_setup"":"""",""profile"":""small"",""priority"":0,""spot"":false,""environment"":{""A"":""x y""},""scheduler_start"":""normal""}",http://[HOST]/clusters/[NAME]/status,gateway://[HOST]/[NAME],

"#]]);
    user.dgw(&["list", "-o", "csv", "--no-header"]).success().stdout_eq(str![[r#"
[NAME],RUNNING,[TIME],,"{""worker_cores"":1,""worker_memory"":1.0,""worker_setup"":"""",""profile"":""small"",""priority"":0,""spot"":false,""environment"":{""A"":""x y""},""scheduler_start"":""normal""}",http://[HOST]/clusters/[NAME]/status,gateway://[HOST]/[NAME],

"#]]);
    assert_eq!(user.stdout(&["list", "-o", "json", "-o", "name"]), name);

    let list = user.json(&["list"]);
    let mut unlabelled = list[0].clone();
    let object = unlabelled.as_object_mut().expect("an object");
    object.remove("label");
    assert_eq!(unlabelled, user.json(&["connect"]));
    assert_eq!(unlabelled, user.json(&["dashboard"]));
    let mut reused = user.json(&["new", "--reuse"]);
    let record = reused.as_object_mut().expect("a record");
    assert_eq!(record.remove("clamped"), Some(Value::Null));
    assert_eq!(list[0], reused);
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
