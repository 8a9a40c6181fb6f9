//! Several gateways at once.

use super::*;
use crate::gateway::Listing;
use crate::top::keys;
use crate::top::model::{ClusterKey, ViewTable};
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

const ALL: ViewSettings = ViewSettings {
    names_gateways: true,
    ..SETTINGS
};

/// Takes in all clusters of a gateway whose clock is `ahead` seconds ahead.
fn list_all(model: &mut Model, gateway: usize, ahead: i64, clusters: &[Cluster]) {
    let listing = Listing {
        clusters: clusters.to_vec(),
        clock: Some(at(-ahead)),
    };
    model.listing_arrived(gateway, None, listing);
}

fn of(gateway: usize, name: &str) -> ClusterKey {
    ClusterKey {
        gateway,
        ..key(name)
    }
}

/// Two gateways with a cluster of the same name, and one that has not responded.
fn two_of_three() -> Model {
    let mut model = model_with(ALL, vec![busy(8)]);
    let same = cluster(NAME, Status::Running, 4000);
    let pending = cluster("abcdef", Status::Pending, 3);
    list_all(&mut model, 2, 0, &[same, pending]);
    model.report_arrived(&of(2, NAME), Ok(report(2)));
    model
        .gateway_mut(2)
        .labels_read([(NAME.to_owned(), "era5".to_owned())].into());
    model
        .gateway_mut(1)
        .request_failed("connection refused".to_owned());
    model
}

#[test]
fn draws_clusters_with_their_gateways() {
    let mut model = two_of_three();
    assert_data_eq!(
        shot(&model, 80, 24),
        str![[r#"
 dgw top  3 gateways, 3 clusters, 10 workers, 20 cores

 GATEWAY   NAME     STATUS       AGE  WORKERS  CPU       MEMORY      DONE/TASKS
 default   8fdbe5c  RUNNING    2h13m        8  ━╸─  56%  ━━━──  56%     280/400
 work      era5 8…  RUNNING     1h6m        2  ╸──  19%  ━────  19%     280/400
 work      abcdef   PENDING       3s        -  -         -                    -









 default: 8fdbe5c0c2ed4859b5a1d755ea35d28b                       worker_cores=2
 8 workers, 16 cores, memory 36.0/64.0 GiB, 1 client, busy
 ██████████████████████████████████████████████████████×▓▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒░░
 ▓ processing      8   ▒ queued        100   ░ waiting        12
 ! unrunnable      0   █ in memory     277   × erred           3
 · released        0
 CPU                ▁▁▁▅ ▅  memory            ▁▂▄█ ▅  processing         ████ █
 gateway `lab`: connection refused
 ↵ open  s sort  ? keys  q quit                                by age, every 2s

"#]]
    );
    model.time_passed(at(-7));
    model
        .gateway_mut(2)
        .request_failed("connection lost".to_owned());
    assert_data_eq!(
        shot(&model, 40, 10),
        str![[r#"
 dgw top  3 gateways, 3 clusters, 10 w…
 GATE…  NAME     STATUS    CPU   MEMORY
 defa…  8fdbe5c  RUNNING    56%   56%
 work?  era5 8…  RUNNING    19%   19%
 work?  abcdef   PENDING   -     -


 gateway `lab`: connection refused
 gateway `work`: no update for 7s: con…
 ↵ open  s sort  ? keys  q quit

"#]]
    );
    model.open(of(2, NAME));
    assert_data_eq!(
        shot(&model, 60, 10),
        str![[r#"
 work: era5 8fdbe5c0c2ed4859b5a1d755ea35d  RUNNING  1h6m
 CPU        ━━─────────  19%  0.8 of 4 cores              ▂
 memory     ━━─────────  19%  3.0/16.0 GiB                ▂
 tasks      ███████████×▓▒▒░  280/400 done                █
 WORKER      THREADS  CPU            MEMORY         TASKS
 worker-1          2  ━───────  12%  ━──────  12%       9
 worker-2          2  ━━──────  25%  ━━─────  25%       8

 gateway `work`: no update for 7s: connection lost
 Esc back  s sort  ? keys  q quit       by worker, every 2s

"#]]
    );
}

#[test]
fn clusters_of_equal_names_stay_apart() {
    let mut model = two_of_three();
    let columns = titles(ViewTable::ClustersOfAllGateways);
    assert_eq!(columns[0], "GATEWAY");
    assert_eq!(columns[model.order().column], "AGE");
    model.sort(SortOrder::by(0));
    let sorted = [of(0, NAME), of(2, NAME), of(2, "abcdef")];
    assert_eq!(sorted_keys(&model), sorted.each_ref());
    let press = |model: &mut Model, code| {
        keys::press(KeyEvent::new(code, KeyModifiers::NONE), model);
    };
    press(&mut model, KeyCode::Down);
    press(&mut model, KeyCode::Enter);
    assert_eq!(model.opened_key(), Some(&of(2, NAME)));
    let workers = |model: &Model| model.opened().and_then(|it| it.report()?.activity.workers);
    assert_eq!(workers(&model), Some(2));
    model.cluster_vanished(&of(2, NAME));
    assert_eq!(model.problems().len(), 1);
    press(&mut model, KeyCode::Esc);
    press(&mut model, KeyCode::Up);
    press(&mut model, KeyCode::Enter);
    assert_eq!(workers(&model), Some(8));
    assert!(model.problems().is_empty(), "the other gateway's is gone");
    // A list replaces only what its own gateway listed before.
    press(&mut model, KeyCode::Esc);
    list_all(&mut model, 2, 0, &[]);
    assert_eq!(sorted_keys(&model), [&of(0, NAME)]);
}

#[test]
fn ages_are_by_the_clock_of_each_gateway() {
    let mut model = model_with(ALL, Vec::new());
    let ages = |model: &Model| {
        let clusters = model.clusters().iter();
        let ages = clusters.map(|watched| watched.age(model).as_secs());
        ages.collect::<Vec<_>>()
    };
    list_all(&mut model, 0, 0, &[cluster("a", Status::Pending, 60)]);
    list_all(&mut model, 1, 3600, &[cluster("b", Status::Pending, -3570)]);
    list_all(&mut model, 2, -3600, &[cluster("c", Status::Running, 3610)]);
    assert_eq!(ages(&model), [60, 30, 10]);
    model.report_arrived(&of(2, "c"), Ok(report(1)));
    model.time_passed(at(-5));
    assert_eq!(ages(&model), [65, 35, 15]);
    model.report_arrived(&of(2, "c"), Err("refused".to_owned()));
    model.time_passed(at(-12));
    let problem = model.clusters()[2].scheduler_problem(&model);
    assert_eq!(
        problem.as_deref(),
        Some("the scheduler last responded 12s ago: refused")
    );
}

#[test]
fn problems_without_a_line_share_the_last_one() {
    let mut model = two_of_three();
    model.gateway_mut(0).request_failed("timed out".to_owned());
    model
        .gateway_mut(2)
        .request_failed("connection lost".to_owned());
    let screen = shot(&model, 200, 10);
    let lines = screen.lines().rev().skip(1).take(2).collect::<Vec<_>>();
    assert_eq!(
        lines,
        [
            " gateway `lab`: connection refused; gateway `work`: no update for 0s: connection lost",
            " gateway `default`: no update for 0s: timed out"
        ]
    );
}
