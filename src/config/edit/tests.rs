use super::*;
use proptest::prelude::*;

const TOKEN: &[&str] = &["gateway", "auth", "kwargs", "api_token"];
const PASSWORD: &[&str] = &["gateway", "auth", "kwargs", "password"];

fn changes() -> Vec<Change> {
    let change = |path, value: &str| Change {
        path,
        value: Some(value.to_owned()),
    };
    vec![
        change(&["gateway", "address"], "https://g.example.org:8000/x"),
        change(&["gateway", "auth", "type"], "jupyterhub"),
        change(TOKEN, "t0{{'ken # x"),
        Change {
            path: PASSWORD,
            value: None,
        },
    ]
}

fn edit(text: &str, changes: &[Change]) -> Option<String> {
    edited(Path::new("gateway.yaml"), text, changes)
}

fn shown(text: &str) -> String {
    edit(text, &changes()).unwrap_or_else(|| "refused".to_owned())
}

#[test]
fn an_empty_file_is_filled() {
    let expected = snapbox::str![[r#"
gateway:
  address: https://g.example.org:8000/x
  auth:
    type: jupyterhub
    kwargs:
      api_token: "t0{{'ken # x"

"#]];
    snapbox::assert_data_eq!(shown(""), expected.clone());
    snapbox::assert_data_eq!(as_new_file(&changes()), expected);
}

#[test]
fn lines_are_added_above_a_template_of_comments() {
    snapbox::assert_data_eq!(
        shown("# gateway:\n#   address: null         # The full address\n\n#   auth:\n"),
        snapbox::str![[r#"
gateway:
  address: https://g.example.org:8000/x
  auth:
    type: jupyterhub
    kwargs:
      api_token: "t0{{'ken # x"

# gateway:
#   address: null         # The full address

#   auth:

"#]]
    );
}

#[test]
fn comments_and_other_keys_stay() {
    snapbox::assert_data_eq!(
        shown(
            "# mine\ndistributed:\n    worker: {a: 1}  # how\n\ngateway:    # the site's\n    # first\n    \
             'address': \"http://old # no comment\"   # where\n    cluster:\n        options: {cores: 2}\n    \
             auth:\n        kwargs:\n            password: 'it''s'  # old\n            # between\n            \
             api-token: >-\n                old\n                token\n\n    # last\n\nlogging:\n    x: y\n"
        ),
        snapbox::str![[r#"
# mine
distributed:
    worker: {a: 1}  # how

gateway:    # the site's
    # first
    'address': https://g.example.org:8000/x
    cluster:
        options: {cores: 2}
    auth:
        kwargs:
            # between
            api-token: "t0{{'ken # x"
        type: jupyterhub

    # last

logging:
    x: y

"#]]
    );
}

#[test]
fn empty_sections_are_filled_in_place() {
    snapbox::assert_data_eq!(
        shown("---\ngateway:\n  address: null   # here\n  auth: {}  # who\n"),
        snapbox::str![[r#"
---
gateway:
  address: https://g.example.org:8000/x   # here
  auth:  # who
    type: jupyterhub
    kwargs:
      api_token: "t0{{'ken # x"

"#]]
    );
    snapbox::assert_data_eq!(
        shown("a: 1\ngateway:\n  # nothing yet"),
        snapbox::str![[r#"
a: 1
gateway:
  address: https://g.example.org:8000/x
  auth:
    type: jupyterhub
    kwargs:
      api_token: "t0{{'ken # x"
  # nothing yet

"#]]
    );
}

#[test]
fn sections_that_become_empty_stay() {
    let removals = [PASSWORD, TOKEN].map(|path| Change { path, value: None });
    let kept = "gateway:\n  address: x\n  auth:\n    kwargs:  # who\n";
    let secrets = "      # a\n      password: p\n      api-token: >\n        t\n";
    let text = format!("{kept}{secrets}  cluster: {{}}\n");
    snapbox::assert_data_eq!(
        edit(&text, &removals).expect("edited"),
        snapbox::str![[r#"
gateway:
  address: x
  auth:
    kwargs: {}  # who
      # a
  cluster: {}

"#]]
    );
}

#[test]
fn line_breaks_stay_as_they_are() {
    let text = "a: 1\r\ngateway:\r\n  address: x\r\n";
    let edited = edit(text, &changes()).expect("edited");
    assert!(!edited.replace("\r\n", "").contains('\n'), "{edited:?}");
}

#[test]
fn refuses_other_styles_of_yaml() {
    for text in [
        r#"{"gateway": {"address": "x"}}"#,
        "gateway: {address: x}\n",
        "gateway: &a\n  address: x\n",
        "a: &a {x: 1}\ngateway: *a\n",
        "gateway:\n  auth: jupyterhub\n",
        "gateway:\n- address\n",
        "- gateway\n",
        "a: \"b\ngateway:\n  c\"\n",
        "a: 1\n...\n",
        "a: 1\n---\nb: 1\n",
        "gateway",
        "? gateway\n: address: x\n",
        "\tgateway: 1",
        "! gateway:\n  address: x\n",
        "!!str gateway:\n  address: x\n",
        "&a gateway:\n  address: x\n",
        "? ! gateway\n: address: x\n",
        "\"gate\\x77ay\":\n  address: x\n",
        "gateway:\n  ! auth:\n    type: basic\n",
        "gateway:\n  ! address: x\n",
    ] {
        assert_eq!(shown(text), "refused", "{text}");
    }
}

proptest! {
    #[test]
    fn every_comment_is_kept(
        lines in prop::collection::vec(
            prop::sample::select(vec![
                "", "# a", "  # b", "gateway:", "  address: x  # c", "  auth:", "    type: basic",
                "    kwargs:", "      password: y", "      api-token: 'z'", "other:", "  auth: {}",
                "  kwargs: ~", "  - item", "    |", "  text: |", "    gateway:", "\"gateway\": #d",
            ]),
            0..16,
        )
    ) {
        let text = lines.join("\n");
        if let Some(edited) = edit(&text, &changes()) {
            let comments = |text: &str| {
                let lines = text.lines().filter(|line| line.trim_start().starts_with('#'));
                lines.map(str::to_owned).collect::<Vec<_>>()
            };
            prop_assert_eq!(comments(&text), comments(&edited));
        }
    }

    #[test]
    fn any_text_is_edited_or_refused(text in any::<String>(), value in "[ -~]*") {
        let change = Change { path: TOKEN, value: Some(value.clone()) };
        if let Some(edited) = edit(&text, &[change]) {
            let held: serde_yaml::Value = serde_yaml::from_str(&edited).expect("YAML");
            prop_assert_eq!(held["gateway"]["auth"]["kwargs"]["api_token"].as_str(), Some(&*value));
        }
    }
}
