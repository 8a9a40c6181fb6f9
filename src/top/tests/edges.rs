//! Unknown values, missing workers, hostile texts and tiny screens.

use serde_json::{Map, json};
use snapbox::{assert_data_eq, str};

use super::*;
use crate::scheduler::{SchedulerReport, Worker};

fn sample(reports: Vec<(i64, Result<SchedulerReport, String>)>) -> Sample {
    Sample {
        cluster: cluster(NAME, Status::Running, 60),
        reports,
    }
}

#[test]
fn unknown_values_are_question_marks() {
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
    let report = SchedulerReport {
        worker_details: Some(vec![unknown]),
        ..SchedulerReport::default()
    };
    let mut model = model(vec![sample(vec![(0, Ok(report))])]);
    assert_data_eq!(
        shot(&model, 80, 18),
        str![[r#"
 dgw top  1 cluster, ? workers, ? cores             https://gateway.example.org

 NAME      STATUS       AGE  WORKERS  CPU        MEMORY      DONE/TASKS    IDLE
 8fdbe5c0  RUNNING       1m        ?  ?          ?                    ?       ?






 8fdbe5c0c2ed4859b5a1d755ea35d28b                                worker_cores=2
 ? workers, ? cores, memory ?, ? clients, idle ?
 ──────────────────────────────────────────────────────────────────────────────
 ▓ processing      ?   ▒ queued          ?   ░ waiting         ?
 ! unrunnable      ?   █ in memory       ?   × erred           ?
 · released        ?
 CPU                        memory                    processing
 ↵ open  s sort  ? keys  q quit                                by age, every 2s

"#]]
    );
    model.open(key(NAME));
    assert_data_eq!(
        shot(&model, 80, 24),
        str![[r#"
 8fdbe5c0c2ed4859b5a1d755ea35d28b  RUNNING  1m                ? clients, idle ?
 scheduler  gateway://gateway:8786/8fdbe5c0c2ed4859b5a1d755ea35d28b
 dashboard  http://gateway:8000/clusters/8fdbe5c0c2ed4859b5a1d755ea35d28b/stat…
 versions   ?

 CPU        ─────────────────────    ?  ? of ? cores
 memory     ─────────────────────    ?  ?
 tasks      ──────────────────────────  ? done
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
fn without_workers_cpu_and_memory_have_a_dash() {
    let mut report = report(0);
    report.activity.threads = Some(0);
    report.activity.memory_used = Some(0);
    report.activity.memory_limit = Some(0);
    let shown = shot(&opened(sample(vec![(0, Ok(report))])), 80, 24);
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
fn hostile_texts_are_escaped() {
    let mut hostile = report(1);
    hostile.worker_details = Some(vec![Worker {
        name: Some("\x1b]0;evil\x07\n世界世界世界世界".to_owned()),
        host: Some("\x1b[31mred".to_owned()),
        status: Some("\u{9b}2J".to_owned()),
        ..worker(1)
    }]);
    if let Some(versions) = &mut hostile.versions {
        versions.scheduler.python = Some("\x1b[H3".to_owned());
    }
    let error = "\x1b[5mit refused\n".to_owned();
    let mut sample = sample(vec![(20, Ok(hostile)), (0, Err(error))]);
    sample.cluster.options = Map::from_iter([("a\x1b[2J".to_owned(), json!("\u{202e}\r\nworld"))]);
    let mut model = model(vec![sample]);
    for is_opened in [false, true] {
        if is_opened {
            model.open(key(NAME));
        }
        for (width, height) in [(40, 10), (80, 24), (200, 50)] {
            let shot = shot(&model, width, height);
            let is_active = |c: char| c.is_control() && c != '\n' || c == '\u{202e}';
            assert!(!shot.contains(is_active), "{shot:?}");
            assert_eq!(shot.lines().count(), usize::from(height));
        }
    }
    let shot = shot(&model, 120, 24);
    assert!(shot.contains("\\x1b[31mred"), "{shot}");
    assert!(shot.contains("\\x9b2J \\x1b]0;evil"), "{shot}");
    assert!(shot.contains("\\x1b[5mit refused\\n"), "{shot}");
}

#[test]
fn draws_on_screens_of_any_size() {
    for mut model in [several(), opened(busy(30)), model(Vec::new())] {
        for width in [0, 1, 2, 3, 5, 8, 13, 21, 33, 49, 91, 200] {
            for height in [0, 1, 2, 3, 5, 8, 13, 17, 18, 22, 35] {
                model.show_help(width % 7 < 2);
                drawn(&model, width, height);
            }
        }
    }
}
