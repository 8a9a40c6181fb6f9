//! What isn't known, isn't there, doesn't fit, or means harm.

use snapbox::{assert_data_eq, str};

use super::*;

#[test]
fn what_is_unknown_is_not_made_up() {
    let mut watched = Watched::new(cluster(NAME, Status::Running, 60));
    let unknown = Worker {
        name: None,
        host: None,
        status: None,
        threads: None,
        cpu: None,
        memory: None,
        memory_limit: None,
        tasks: None,
        last_seen: None,
        ..worker(1)
    };
    watched.hear(
        at(0),
        Ok(SchedulerReport {
            worker_details: Some(vec![unknown]),
            ..SchedulerReport::default()
        }),
    );
    let mut view = view(vec![watched]);
    assert_data_eq!(
        shot(&view, 80, 18),
        str![[r#"
 dgw top  1 cluster, ? workers, ? cores             https://gateway.example.org

 NAME      STATUS       AGE  WORKERS  CPU         MEMORY          TASKS    IDLE
 8fdbe5c0  RUNNING       1m        ?  ?           ?                   ?       ?






 8fdbe5c0c2ed4859b5a1d755ea35d28b                                worker_cores=2
 ? workers, ? cores, memory ?, ? clients, idle ?
 ──────────────────────────────────────────────────────────────────────────────
 ▓ processing      ?   ▒ queued          ?   ░ waiting         ?
 ! unrunnable      ?   █ in memory       ?   × erred           ?
 · released        ?
 CPU                       memory                    processing
 ↵ open  s sort  ? keys  q quit                                by age, every 2s

"#]]
    );
    view.shown = Some(NAME.to_owned());
    assert_data_eq!(
        shot(&view, 80, 24),
        str![[r#"
 8fdbe5c0c2ed4859b5a1d755ea35d28b  RUNNING  1m                ? clients, idle ?
 scheduler  gateway://gateway:8786/8fdbe5c0c2ed4859b5a1d755ea35d28b
 dashboard  http://gateway:8000/clusters/8fdbe5c0c2ed4859b5a1d755ea35d28b/stat…
 versions   ?

 CPU        ─────────────────────    ?  ? of ? cores
 memory     ─────────────────────    ?  ?
 tasks      ──────────────────────────  ? to do
            ▓ processing      ?   ▒ queued          ?   ░ waiting         ?
            ! unrunnable      ?   █ in memory       ?   × erred           ?
            · released        ?

 WORKER      HOST          THREADS  CPU           MEMORY         TASKS   SEEN
 tls://10.…  ?                   ?  ?             ?                  ?      ?









 Esc back  s sort  ? keys  q quit                           by worker, every 2s

"#]]
    );
}

#[test]
fn without_workers_there_is_nothing_to_use() {
    let mut watched = Watched::new(cluster(NAME, Status::Running, 60));
    let mut told = report(0);
    told.activity.threads = Some(0);
    told.activity.memory_used = Some(0);
    told.activity.memory_limit = Some(0);
    watched.hear(at(0), Ok(told));
    let shown = shot(&full(view(vec![watched])), 80, 24);
    let line = |label: &str| {
        let mut lines = shown.lines();
        let line = lines.find(|line| line.trim_start().starts_with(label));
        line.expect("a line").trim().to_owned()
    };
    for label in ["CPU", "memory"] {
        assert!(line(label).starts_with(&format!("{label:<11}-")), "{shown}");
        assert!(!line(label).contains(['?', '0']), "{shown}");
    }
    assert!(!shown.contains("-0.0"), "{shown}");
}

#[test]
fn hostile_texts_are_shown_escaped() {
    let mut watched = Watched::new(cluster(NAME, Status::Running, 60));
    watched.cluster.options = Map::from_iter([("a\x1b[2J".to_owned(), json!("\u{202e}\r\nworld"))]);
    let mut told = report(1);
    told.worker_details = Some(vec![Worker {
        name: Some("\x1b]0;evil\x07\n世界世界世界世界".to_owned()),
        host: Some("\x1b[31mred".to_owned()),
        status: Some("\u{9b}2J".to_owned()),
        ..worker(1)
    }]);
    told.versions = told.versions.map(|mut versions| {
        versions.scheduler.python = Some("\x1b[H3".to_owned());
        versions
    });
    watched.hear(at(20), Ok(told));
    watched.hear(at(0), Err("\x1b[5mit refused\n".to_owned()));
    let mut view = view(vec![watched]);
    for shown in [None, Some(NAME.to_owned())] {
        view.shown = shown;
        for (width, height) in [(40, 10), (80, 24), (200, 50)] {
            let shot = shot(&view, width, height);
            let is_active = |c: char| c.is_control() && c != '\n' || c == '\u{202e}';
            assert!(!shot.contains(is_active), "{shot:?}");
            assert_eq!(shot.lines().count(), usize::from(height));
        }
    }
    let shot = shot(&view, 120, 24);
    assert!(shot.contains("\\x1b[31mred"), "{shot}");
    assert!(shot.contains("\\x9b2J \\x1b]0;evil"), "{shot}");
    assert!(shot.contains("\\x1b[5mit refused\\n"), "{shot}");
}

#[test]
fn no_size_is_too_small() {
    let mut views = [several(), full(view(vec![busy(30)])), view(vec![])];
    for view in &mut views {
        for width in (0..14).chain([20, 33, 49, 91, 200]) {
            for height in (0..14).chain([17, 18, 22, 35]) {
                view.has_help = width % 7 == 0;
                drawn(view, width, height);
            }
        }
    }
}
