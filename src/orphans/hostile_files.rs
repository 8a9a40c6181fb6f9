//! Damaged files in the state directory never lift a protection or crash dgw.

use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::json;

use super::{ClockReading, IdleRecords, Protection, Protections};
use crate::hostile;
use crate::private::{PrivateDir, StateDir};

proptest! {
    #[test]
    fn damage_never_lifts_a_protection_and_never_panics(
        bytes in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..80),
            hostile::json().prop_map(|json| json.to_string().into_bytes()),
            hostile::corrupted(json!({"version": 1, "clusters": {"ab12": {
                "start_time": "2026-11-21T00:00:00Z",
                "at": {"here": "2026-11-21T00:00:00Z", "gateway": null}, "marks": {},
            }}})).prop_map(|json| json.to_string().into_bytes()),
        ],
        now in (-300_000_000_000_i64..200_000_000_000).prop_map(Timestamp::from_second),
    ) {
        let now = ClockReading { local: now.expect("a time"), gateway: None };
        let home = tempfile::tempdir().expect("a directory");
        let state = StateDir::for_test(home.path());
        let directory = state.create().expect("created");
        directory.write("sightings.json", &bytes).expect("written");
        let protections = PrivateDir::create(&directory.path_of("keeps")).expect("created");
        protections.write("ab12", &bytes).expect("written");
        let _ = IdleRecords::read(&state, &now);
        let protections = Protections::read(&state).expect("protections");
        let is_whole = serde_json::from_slice::<Protection>(&bytes).is_ok();
        prop_assert!(is_whole || protections.of("ab12", &now).is_some());
    }
}
