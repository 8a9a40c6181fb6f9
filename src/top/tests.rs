mod edges;
mod events;
mod gateways;
pub(super) mod sample;

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use ratatui::style::Color;
use snapbox::{assert_data_eq, str};

use sample::*;

use super::model::{Model, SortOrder, ViewSettings, ViewTable};
use super::widgets::{draw, sorted_keys, titles};
use crate::gateway::{Cluster, Status};

fn drawn(model: &Model, width: u16, height: u16) -> Buffer {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("a screen");
    let drawn = terminal.draw(|frame| {
        draw(frame, model);
    });
    drawn.expect("it is drawn").buffer.clone()
}

/// Returns the lines of the screen, without the blanks at their ends.
fn shot(model: &Model, width: u16, height: u16) -> String {
    let buffer = drawn(model, width, height);
    let lines = buffer.content.chunks(width.into()).map(|cells| {
        let line = cells
            .iter()
            .map(ratatui::buffer::Cell::symbol)
            .collect::<String>();
        format!("{}\n", line.trim_end())
    });
    lines.collect()
}

#[test]
fn draws_all_clusters_on_80_by_24() {
    assert_data_eq!(
        shot(&several(), 80, 24),
        str![[r#"
 dgw top  6 clusters, 11+ workers, 22+ cores        https://gateway.example.org

 NAME      STATUS       AGE  WORKERS  CPU        MEMORY      DONE/TASKS    IDLE
 8fdbe5c0  RUNNING    2h13m        8  ━━╸─  56%  ━━━──  56%     280/400       -
 51e47     RUNNING?    1h6m        2  ━───  19%  ━────  19%     280/400       -
 0000      RUNNING?    1h6m        ?  ?          ?                    ?       ?
 fa11ed    FAILED     3m20s        -  -          -                    -       -
 c0ffee00  RUNNING    1m30s        1  ╸───  12%  ╸────  12%           ?   1m12s
 abcdef    PENDING       3s        -  -          -                    -       -







 8fdbe5c0c2ed4859b5a1d755ea35d28b                                worker_cores=2
 8 workers, 16 cores, memory 36.0/64.0 GiB, 1 client, busy
 ██████████████████████████████████████████████████████×▓▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒░░
 ▓ processing      8   ▒ queued        100   ░ waiting        12
 ! unrunnable      0   █ in memory     277   × erred           3
 · released        0
 CPU                ▁▁▁▅ ▅  memory            ▁▂▄█ ▅  processing         ████ █
 ↵ open  s sort  ? keys  q quit                                by age, every 2s

"#]]
    );
}

#[test]
fn names_of_the_user_precede_the_gateways() {
    let mut model = several();
    let label = ("8fdbe5c0c2ed4859b5a1d755ea35d28b", "era5");
    model.gateway_mut(0).labels_read(
        [label]
            .map(|(name, label)| (name.into(), label.into()))
            .into(),
    );
    let screen = shot(&model, 80, 24);
    assert!(screen.contains("\n era5 8f…  RUNNING "), "{screen}");
    let summary = "\n era5 8fdbe5c0c2ed4859b5a1d755ea35d28b  ";
    assert!(screen.contains(summary), "{screen}");
    assert!(shot(&model, 120, 24).contains(summary), "{screen}");
}

#[test]
fn draws_all_clusters_on_small_and_large_screens() {
    assert_data_eq!(
        shot(&several(), 40, 10),
        str![[r#"
 dgw top  6 clusters, 11+ workers, 22+…
 NAME     STATUS    CPU   MEMORY   DONE
 8fdbe5c  RUNNING    56%   56%      70%
 51e47    RUNNING?   19%   19%      70%
 0000     RUNNING?  ?     ?           ?
 fa11ed   FAILED    -     -           -
 c0ffee0  RUNNING    12%   12%        ?
 abcdef   PENDING   -     -           -

 ↵ open  s sort  ? keys  q quit

"#]]
    );
    assert_data_eq!(
        shot(&several(), 150, 36),
        str![[r#"
 dgw top  6 clusters, 11+ workers, 22+ cores                                                                              https://gateway.example.org

 NAME                                 STATUS       AGE  WORKERS  CORES  CPU                      MEMORY                   DONE/TASKS  CLIENTS    IDLE
 8fdbe5c0c2ed4859b5a1d755ea35d28b     RUNNING    2h13m        8     16  ━━━━━━━━━━────────  56%  ━━━━━━━━━━────────  56%     280/400        1       -
 51e47                                RUNNING?    1h6m        2      4  ━━━╸──────────────  19%  ━━━╸──────────────  19%     280/400        1       -
 0000                                 RUNNING?    1h6m        ?      ?  ?                        ?                                 ?        ?       ?
 fa11ed                               FAILED     3m20s        -      -  -                        -                                 -        -       -
 ns.c0ffee00c2ed4859b5a1d755ea35d28b  RUNNING    1m30s        1      2  ━━╸───────────────  12%  ━━╸───────────────  12%           ?        1   1m12s
 abcdef                               PENDING       3s        -      -  -                        -                                 -        -       -














 8fdbe5c0c2ed4859b5a1d755ea35d28b                                                                                                      worker_cores=2
 8 workers, 16 cores, memory 36.0/64.0 GiB, 1 client, busy
 ██████████████████████████████████████████████████████████████████████████████████████████████████████××▓▓▓▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒░░░░
 ▓ processing      8   ▒ queued        100   ░ waiting        12   ! unrunnable      0   █ in memory     277   × erred           3
 · released        0

 CPU                                     last 6s   memory                                   last 6s   tasks processing, at most 8             last 6s
                                                                                                █                                              ████ █
                                                                                                █                                              ████ █
                                             ▇ ▇                                               ▄█ ▇                                            ████ █
                                             █ █                                              ▂██ █                                            ████ █
                                          ▁▂▆█ █                                             ▅███ █                                            ████ █
 ↵ open  s sort  ? keys  q quit                                                                                                      by age, every 2s

"#]]
    );
}

#[test]
fn draws_one_cluster_on_80_by_24() {
    assert_data_eq!(
        shot(&opened(busy(8)), 80, 24),
        str![[r#"
 8fdbe5c0c2ed4859b5a1d755ea35d28b  RUNNING  2h13m                1 client, busy
 scheduler  gateway://gateway:8786/8fdbe5c0c2ed4859b5a1d755ea35d28b
 dashboard  http://gateway:8000/clusters/8fdbe5c0c2ed4859b5a1d755ea35d28b/stat…
 versions   Python 3.11.7, dask 2026.8.0, distributed ?

 CPU        ━━━━━━━━━━━━─────────  56%  9.0 of 16 cores                  ▁▁▁▅ ▅
 memory     ━━━━━━━━━━━━─────────  56%  36.0/64.0 GiB                    ▁▂▄█ ▅
 tasks      ██████████████████×▓▒▒▒▒▒░  280/400 done                     ████ █
            ▓ processing      8   ▒ queued        100   ░ waiting        12
            ! unrunnable      0   █ in memory     277   × erred           3
            · released        0

 WORKER      HOST          THREADS  CPU           MEMORY         TASKS   SEEN
 worker-1    10.0.0.1            2  ━──────  12%  ━──────  12%       9     1s
 worker-2    10.0.0.2            2  ━━─────  25%  ━━─────  25%       8     1s
 worker-3    10.0.0.3            2  ━━╸────  38%  ━━╸────  38%       7     1s
 worker-4    10.0.0.4            2  ━━━╸───  50%  ━━━╸───  50%       6     1s
 worker-5    10.0.0.5            2  ━━━━╸──  62%  ━━━━╸──  62%       5     1s
 worker-6    10.0.0.6            2  ━━━━━╸─  75%  ━━━━━╸─  75%       4     1s
 worker-7    10.0.0.7            2  ━━━━━━─  88%  ━━━━━━─  88%       3     1s
 worker-8    10.0.0.8            2  ━━━━━━━ 100%  ━━━━━━━ 100%       2     1s


 Esc back  s sort  ? keys  q quit                           by worker, every 2s

"#]]
    );
}

#[test]
fn draws_one_cluster_on_small_and_large_screens() {
    assert_data_eq!(
        shot(&opened(busy(8)), 40, 10),
        str![[r#"
 8fdbe5c0c2ed4859b5a1  RUNNING  2h13m
 CPU        ━━━━━━━━━━━━╸─────────  56%
 memory     ━━━━━━━━━━━━╸─────────  56%
 tasks      █████████████×▓▒▒▒░ 280/400
 WORKER    CPU       MEMORY     TASKS
 worker-1  ╸──  12%  ╸──  12%       9 ┃
 worker-2  ━──  25%  ━──  25%       8 ┃
 worker-3  ━──  38%  ━──  38%       7 │
 worker-4  ━╸─  50%  ━╸─  50%       6 │
 Esc back  s sort  ? keys  q quit

"#]]
    );
    let mut model = opened(busy(30));
    model.drawn(16);
    model.scroll_by(8);
    model.sort(SortOrder::by(4));
    assert_data_eq!(
        shot(&model, 150, 36),
        str![[r#"
 8fdbe5c0c2ed4859b5a1d755ea35d28b  RUNNING  2h13m                                                                                      1 client, busy
 scheduler  gateway://gateway:8786/8fdbe5c0c2ed4859b5a1d755ea35d28b
 dashboard  http://gateway:8000/clusters/8fdbe5c0c2ed4859b5a1d755ea35d28b/status
 versions   Python 3.11.7, dask 2026.8.0, distributed ?

 CPU        ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━ 194%  116.2 of 60 cores
 memory     ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━ 194%  465.0/240.0 GiB
 tasks      ██████████████████████████████████████████×▓▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒░░  280/400 done
            ▓ processing      8   ▒ queued        100   ░ waiting        12   ! unrunnable      0   █ in memory     277   × erred           3
            · released        0

 CPU                                     last 6s   memory                                   last 6s   tasks processing, at most 8             last 6s
                                             █ █                                                █ █                                            ████ █
                                             █ █                                                █ █                                            ████ █
                                             █ █                                                █ █                                            ████ █
                                             █ █                                                █ █                                            ████ █
                                          ▁▁▂█ █                                             ▁▃▅█ █                                            ████ █

 WORKER      HOST          THREADS  CPU                                              MEMORY                                            TASKS   SEEN
 worker-22   10.0.0.22           2  ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━ 275%  ━━━━━━━━━━━━━━━━━━━━━━━━ 275%  22.0/8.0 GiB           0     1s │
 worker-21   10.0.0.21           2  ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━ 262%  ━━━━━━━━━━━━━━━━━━━━━━━━ 262%  21.0/8.0 GiB           0     1s │
 worker-20   10.0.0.20           2  ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━ 250%  ━━━━━━━━━━━━━━━━━━━━━━━━ 250%  20.0/8.0 GiB           0     1s │
 worker-19   10.0.0.19           2  ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━ 238%  ━━━━━━━━━━━━━━━━━━━━━━━━ 238%  19.0/8.0 GiB           0     1s │
 worker-18   10.0.0.18           2  ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━ 225%  ━━━━━━━━━━━━━━━━━━━━━━━━ 225%  18.0/8.0 GiB           0     1s ┃
 worker-17   10.0.0.17           2  ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━ 212%  ━━━━━━━━━━━━━━━━━━━━━━━━ 212%  17.0/8.0 GiB           0     1s ┃
 worker-16   10.0.0.16           2  ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━ 200%  ━━━━━━━━━━━━━━━━━━━━━━━━ 200%  16.0/8.0 GiB           0     1s ┃
 worker-15   10.0.0.15           2  ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━ 188%  ━━━━━━━━━━━━━━━━━━━━━━━━ 188%  15.0/8.0 GiB           0     1s ┃
 worker-14   10.0.0.14           2  ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━ 175%  ━━━━━━━━━━━━━━━━━━━━━━━━ 175%  14.0/8.0 GiB           0     1s ┃
 worker-13   10.0.0.13           2  ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━ 162%  ━━━━━━━━━━━━━━━━━━━━━━━━ 162%  13.0/8.0 GiB           0     1s ┃
 worker-12   10.0.0.12           2  ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━ 150%  ━━━━━━━━━━━━━━━━━━━━━━━━ 150%  12.0/8.0 GiB           0     1s ┃
 worker-11   10.0.0.11           2  ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━ 138%  ━━━━━━━━━━━━━━━━━━━━━━━━ 138%  11.0/8.0 GiB           0     1s ┃
 worker-10   10.0.0.10           2  ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━ 125%  ━━━━━━━━━━━━━━━━━━━━━━━━ 125%  10.0/8.0 GiB           0     1s ┃
 worker-9    10.0.0.9            2  ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━ 112%  ━━━━━━━━━━━━━━━━━━━━━━━━ 112%  9.0/8.0 GiB            1     1s │
 worker-8    10.0.0.8            2  ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━ 100%  ━━━━━━━━━━━━━━━━━━━━━━━━ 100%  8.0/8.0 GiB            2     1s │
 worker-7    10.0.0.7            2  ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━─────  88%  ━━━━━━━━━━━━━━━━━━━━━───  88%  7.0/8.0 GiB            3     1s │
 Esc back  s sort  ? keys  q quit                                                                                                 by memory, every 2s

"#]]
    );
}

#[test]
fn has_no_colour_where_none_is_wanted() {
    for has_colour in [true, false] {
        for is_opened in [true, false] {
            let settings = ViewSettings {
                has_colour,
                ..SETTINGS
            };
            let mut model = model_with(settings, vec![busy(30)]);
            if is_opened {
                model.open(key(NAME));
            }
            model.gateway_mut(0).request_failed("it is gone".to_owned());
            let buffer = drawn(&model, 120, 40);
            let mut cells = buffer.content.iter();
            let found = cells.any(|cell| cell.fg != Color::Reset || cell.bg != Color::Reset);
            assert_eq!(found, has_colour);
        }
    }
}

/// Returns the line above the keys.
fn problem_line(model: &Model, width: u16) -> String {
    let shot = shot(model, width, 24);
    let mut lines = shot.lines().rev().map(str::trim);
    assert!(lines.next().is_some_and(|keys| keys.starts_with("Esc")));
    lines.next().expect("a line").to_owned()
}

#[test]
fn line_above_the_keys_names_the_problem() {
    let mut model = opened(busy(2));
    assert_eq!(problem_line(&model, 80), "");
    model.report_arrived(&key(NAME), Err("no answer".to_owned()));
    assert_eq!(
        problem_line(&model, 80),
        "",
        "one late report is no problem"
    );
    model.time_passed(at(-5));
    assert_eq!(problem_line(&model, 80), "", "5 s are not stale");
    model.time_passed(at(-12));
    assert_eq!(
        problem_line(&model, 80),
        "the scheduler last responded 12s ago: no answer"
    );
    let ended = Cluster {
        stop_time: Some(at(5)),
        ..cluster(NAME, Status::Stopped, 60)
    };
    list(&mut model, ended);
    assert_eq!(
        problem_line(&model, 100),
        format!("cluster {NAME} is STOPPED (5s ago); this is its last report")
    );
    model.cluster_vanished(&key(NAME));
    assert_eq!(
        problem_line(&model, 100),
        format!("the gateway no longer knows cluster {NAME}")
    );
    model.time_passed(at(-12));
    model
        .gateway_mut(0)
        .request_failed("can't reach the gateway".to_owned());
    assert_eq!(
        problem_line(&model, 80),
        "no update for 12s: can't reach the gateway"
    );
    assert_eq!(problem_line(&model, 20), "no update for 12s…");
}

#[test]
fn help_covers_the_rest() {
    let mut model = model(Vec::new());
    model.show_help(true);
    assert_data_eq!(
        shot(&model, 60, 14),
        str![[r#"
 dgw top  0 clusters, 0 workers, 0 cores

    ┌ keys ────────────────────────────────────────────┐
    │ ↑ ↓  k j       previous, next row                │
    │ PgUp PgDn      previous, next page               │
    │ Home End  g G  first, last row                   │
    │ ↵              open the cluster                  │
    │ Esc  ←         back to all clusters              │
    │ s S  > <       sort by the next, previous column │
    │ r              reverse the order                 │
    │ q  Ctrl-C      quit                              │
    └──────────────────────────────────────────────────┘

 ↵ open  s sort  ? keys  q quit            by age, every 2s

"#]]
    );
}

#[test]
fn sorting_puts_the_unknown_last() {
    let mut model = several();
    let workers = titles(ViewTable::Clusters)
        .iter()
        .position(|title| *title == "WORKERS");
    model.sort(SortOrder::by(workers.expect("a column")));
    let names = [NAME, "51e47", "ns.c0ffee00c2ed4859b5a1d755ea35d28b"];
    assert_eq!(sorted_keys(&model)[..3], names.map(key).each_ref());
}
