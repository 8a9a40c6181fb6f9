//! Whatever stands in the state folder: a protection protects, and sightings only delay.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::json;

use super::{ClockReading, Protection, Protections, Sightings, StateDir};
use crate::strange;

proptest! {
    #[test]
    fn damage_never_lifts_a_protection_and_is_never_a_panic(
        bytes in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..80),
            strange::json().prop_map(|json| json.to_string().into_bytes()),
            strange::spoilt(json!({"version": 1, "clusters": {"ab12": {
                "start_time": "2026-11-21T00:00:00Z",
                "at": {"here": "2026-11-21T00:00:00Z", "gateway": null}, "marks": {},
            }}})).prop_map(|json| json.to_string().into_bytes()),
        ],
        now in (-300_000_000_000_i64..200_000_000_000).prop_map(Timestamp::from_second),
    ) {
        let now = ClockReading { here: now.expect("a time"), gateway: None };
        let home = tempfile::tempdir().expect("a folder");
        let store = StateDir { path: home.path().join("gateway") };
        Protections::add(&store, "ab12", &Protection { until: None }).expect("kept");
        let keep = store.path.join("keeps/ab12");
        let sightings = store.path.join("sightings.json");
        for path in [&keep, &sightings] {
            fs::write(path, &bytes).expect("written");
            fs::set_permissions(path, fs::Permissions::from_mode(0o600)).expect("set");
        }
        let _ = Sightings::read(&store, &now);
        let keeps = Protections::read(&store).expect("keeps");
        let is_whole = serde_json::from_slice::<Protection>(&bytes).is_ok();
        prop_assert!(is_whole || keeps.of("ab12", &now).is_some());
    }
}
