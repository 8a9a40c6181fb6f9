use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use super::*;
use crate::gateway::Status;

const HEX: &str = "2224ac3ebdf349f491d1f954e5e98d35";

fn label(text: &str) -> Label {
    Label::parse(text).expect("a name")
}

fn pattern(text: &str) -> ClusterPattern {
    ClusterPattern::parse(text).expect("a pattern")
}

fn state() -> (tempfile::TempDir, StateDir) {
    let home = tempfile::tempdir().expect("a directory");
    let state = StateDir::for_test(home.path());
    (home, state)
}

fn give(state: &StateDir, name: &str, cluster: &str) {
    let labels = Labels::read_in(state).expect("names");
    labels
        .give_in(state, &label(name), cluster)
        .expect("written");
}

#[test]
fn name_means_its_cluster_and_no_other() {
    let (_home, state) = state();
    let resolved = |text| resolve_in(&state, &pattern(text)).expect("resolved");
    assert_eq!(resolved("dask"), pattern("dask"));
    give(&state, "dask", HEX);
    let named = resolved("dask");
    assert_eq!((named.as_str(), named.to_string().as_str()), (HEX, "dask"));
    assert!(named.is_full() && named.matches(HEX));
    for other in ["dask.22", &format!("dask.{HEX}"), &format!("{HEX}0")] {
        assert!(!named.matches(other), "{other}");
    }
    assert_eq!(named.label(), None);
    for text in ["dask.2", "22", "era5"] {
        assert_eq!(resolved(text), pattern(text));
    }
}

#[test]
fn cluster_has_one_name_until_it_is_removed() {
    let (_home, state) = state();
    let read = || Labels::read_in(&state).expect("names");
    assert_eq!(read().of(HEX), None);
    give(&state, "era5", HEX);
    give(&state, "cmip6", "ab12");
    give(&state, "monthly", HEX);
    assert_eq!(read().of(HEX), Some(&label("monthly")));
    assert_eq!(read().cluster(&label("era5")), None);
    assert_eq!(read().remove_in(&state, HEX).ok(), Some(true));
    assert_eq!(read().remove_in(&state, HEX).ok(), Some(false));
    assert_eq!(read().of(HEX), None);
    assert_eq!(read().of("ab12"), Some(&label("cmip6")));
}

#[test]
fn damaged_name_is_an_error_where_it_is_meant() {
    let (_home, state) = state();
    give(&state, "era5", HEX);
    let directory = create(&state).expect("created");
    for bytes in [
        &b""[..],
        b"{}",
        br#"{"cluster": "../x"}"#,
        br#"{"cluster": ""}"#,
    ] {
        directory.write("era5", bytes).expect("written");
        let resolved = resolve_in(&state, &pattern("era5"));
        assert!(matches!(resolved, Err(private::Error::Damaged(_))));
        assert!(resolve_in(&state, &pattern("22")).is_ok());
        assert!(Labels::read_in(&state).is_ok());
    }
    let path = directory.path_of("");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o770)).expect("set");
    let resolved = resolve_in(&state, &pattern("era5"));
    assert!(matches!(resolved, Err(private::Error::Refused { .. })));
    assert!(Labels::read_in(&state).is_err());
}

#[test]
fn name_is_free_unless_it_means_a_cluster_that_has_not_ended() {
    let named = [(label("era5"), HEX.to_owned())];
    let labels = Labels(named.into());
    let check = |name: &str, own: Option<&str>, cluster: &str, status: Status| {
        let mut cluster = Cluster::running(cluster);
        cluster.status = status;
        labels.check_free(&label(name), own, &[cluster]).is_ok()
    };
    assert!(!check("era5", None, HEX, Status::Running));
    assert!(!check("era5", Some("ab12"), HEX, Status::Stopping));
    assert!(check("era5", Some(HEX), HEX, Status::Running));
    assert!(check("era5", None, HEX, Status::Stopped));
    assert!(check("era5", None, "ab12", Status::Running));
    assert!(!check("dask", None, "dask.22", Status::Running));
}

#[test]
fn variable_names_the_default_cluster() {
    let default = |value: &str| default_cluster(Some(value.to_owned()));
    assert!(matches!(default_cluster(None), Ok(None)));
    assert!(matches!(default(""), Ok(None)));
    let pattern = default("2224").expect("a pattern").expect("set");
    assert_eq!(
        (pattern.as_str(), pattern.to_string().as_str()),
        ("2224", "DGW_CLUSTER=2224")
    );
    assert!(matches!(default("a b"), Err(Error::DefaultCluster { .. })));
}
