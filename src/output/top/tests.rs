mod edges;
mod sample;

use jiff::SignedDuration;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use ratatui::style::Color;
use serde_json::{Map, json};
use snapbox::{assert_data_eq, str};

use sample::*;

use super::*;
use crate::gateway::Status;
use crate::scheduler::{SchedulerReport, Worker};

fn drawn(view: &View, width: u16, height: u16) -> Buffer {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("a screen");
    let drawn = terminal.draw(|frame| {
        draw(frame, view);
    });
    drawn.expect("it is drawn").buffer.clone()
}

/// Its lines, without the blanks at their ends.
fn shot(view: &View, width: u16, height: u16) -> String {
    let buffer = drawn(view, width, height);
    let lines = buffer.content.chunks(width.into()).map(|cells| {
        let line = cells
            .iter()
            .map(ratatui::buffer::Cell::symbol)
            .collect::<String>();
        format!("{}\n", line.trim_end())
    });
    lines.collect()
}

fn full(mut view: View) -> View {
    view.shown = Some(view.clusters[0].cluster.name.clone());
    view
}

#[test]
fn all_clusters_at_80_by_24() {
    assert_data_eq!(
        shot(&several(), 80, 24),
        str![[r#"
 dgw top  6 clusters, 11+ workers, 22+ cores        https://gateway.example.org

 NAME      STATUS       AGE  WORKERS  CPU         MEMORY          TASKS    IDLE
 8fdbe5c0  RUNNING    2h13m        8  ━━━──  56%  ━━━──  56%    120/400       -
 51e47     RUNNING?    1h6m        2  ━────  19%  ━────  19%    120/400       -
 0000      RUNNING?    1h6m        ?  ?           ?                   ?       ?
 fa11ed    FAILED     3m20s        -  -           -                   -       -
 c0ffee00  RUNNING    1m30s        1  ╸────  12%  ╸────  12%          ?   1m12s
 abcdef    PENDING       3s        -  -           -                   -       -







 8fdbe5c0c2ed4859b5a1d755ea35d28b                                worker_cores=2
 8 workers, 16 cores, memory 36.0/64.0 GiB, 1 client, busy
 ██████████████████████████████████████████████████████×▓▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒░░
 ▓ processing      8   ▒ queued        100   ░ waiting        12
 ! unrunnable      0   █ in memory     277   × erred           3
 · released        0
 CPU               ▁▁▁▅ ▅  memory            ▁▂▄█ ▅  processing        ████ █
 ↵ open  s sort  ? keys  q quit                                by age, every 2s

"#]]
    );
}

#[test]
fn all_clusters_on_a_small_and_on_a_large_screen() {
    assert_data_eq!(
        shot(&several(), 40, 10),
        str![[r#"
 dgw top  6 clusters, 11+ workers, 22+…
 NAME     STATUS    CPU   MEMORY  TASKS
 8fdbe5c  RUNNING    56%   56%      120
 51e47    RUNNING?   19%   19%      120
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

 NAME                                 STATUS       AGE  WORKERS  CORES  CPU                     MEMORY                         TASKS  CLIENTS    IDLE
 8fdbe5c0c2ed4859b5a1d755ea35d28b     RUNNING    2h13m        8     16  ━━━━━━━━━╸───────  56%  ━━━━━━━━━───────  56%        120/400        1       -
 51e47                                RUNNING?    1h6m        2      4  ━━━──────────────  19%  ━━━─────────────  19%        120/400        1       -
 0000                                 RUNNING?    1h6m        ?      ?  ?                       ?                                  ?        ?       ?
 fa11ed                               FAILED     3m20s        -      -  -                       -                                  -        -       -
 ns.c0ffee00c2ed4859b5a1d755ea35d28b  RUNNING    1m30s        1      2  ━━───────────────  12%  ━━──────────────  12%              ?        1   1m12s
 abcdef                               PENDING       3s        -      -  -                       -                                  -        -       -














 8fdbe5c0c2ed4859b5a1d755ea35d28b                                                                                                      worker_cores=2
 8 workers, 16 cores, memory 36.0/64.0 GiB, 1 client, busy
 ██████████████████████████████████████████████████████████████████████████████████████████████████████××▓▓▓▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒░░░░
 ▓ processing      8   ▒ queued        100   ░ waiting        12   ! unrunnable      0   █ in memory     277   × erred           3
 · released        0

 CPU                                     last 6s   memory                                  last 6s   tasks processing, at most 8             last 6s
                                                                                               █                                              ████ █
                                                                                               █                                              ████ █
                                             ▇ ▇                                              ▄█ ▇                                            ████ █
                                             █ █                                             ▂██ █                                            ████ █
                                          ▁▂▆█ █                                            ▅███ █                                            ████ █
 ↵ open  s sort  ? keys  q quit                                                                                                      by age, every 2s

"#]]
    );
}

#[test]
fn one_in_full_at_80_by_24() {
    assert_data_eq!(
        shot(&full(view(vec![busy(8)])), 80, 24),
        str![[r#"
 8fdbe5c0c2ed4859b5a1d755ea35d28b  RUNNING  2h13m                1 client, busy
 scheduler  gateway://gateway:8786/8fdbe5c0c2ed4859b5a1d755ea35d28b
 dashboard  http://gateway:8000/clusters/8fdbe5c0c2ed4859b5a1d755ea35d28b/stat…
 versions   Python 3.11.7, dask 2026.8.0, distributed ?

 CPU        ━━━━━━━━━━━━─────────  56%  9.0 of 16 cores                  ▁▁▁▅ ▅
 memory     ━━━━━━━━━━━━─────────  56%  36.0/64.0 GiB                    ▁▂▄█ ▅
 tasks      ██████████████████×▓▒▒▒▒▒░  120/400 to do                    ████ █
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
fn one_in_full_on_a_small_and_on_a_large_screen() {
    assert_data_eq!(
        shot(&full(view(vec![busy(8)])), 40, 10),
        str![[r#"
 8fdbe5c0c2ed4859b5a1  RUNNING  2h13m
 CPU        ━━━━━━━━━━━━╸─────────  56%
 memory     ━━━━━━━━━━━━╸─────────  56%
 tasks      █████████████×▓▒▒▒░ 120/400
 WORKER      CPU     MEMORY     TASKS
 worker-1     12%    ╸──  12%       9 ┃
 worker-2     25%    ━──  25%       8 ┃
 worker-3     38%    ━──  38%       7 │
 worker-4     50%    ━╸─  50%       6 │
 Esc back  s sort  ? keys  q quit

"#]]
    );
    let mut view = full(view(vec![busy(30)]));
    view.scroll = 8;
    view.workers_by.column = 4;
    assert_data_eq!(
        shot(&view, 150, 36),
        str![[r#"
 8fdbe5c0c2ed4859b5a1d755ea35d28b  RUNNING  2h13m                                                                                      1 client, busy
 scheduler  gateway://gateway:8786/8fdbe5c0c2ed4859b5a1d755ea35d28b
 dashboard  http://gateway:8000/clusters/8fdbe5c0c2ed4859b5a1d755ea35d28b/status
 versions   Python 3.11.7, dask 2026.8.0, distributed ?

 CPU        ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━ 194%  116.2 of 60 cores
 memory     ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━ 194%  465.0/240.0 GiB
 tasks      ██████████████████████████████████████████×▓▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒░░  120/400 to do
            ▓ processing      8   ▒ queued        100   ░ waiting        12   ! unrunnable      0   █ in memory     277   × erred           3
            · released        0

 CPU                                     last 6s   memory                                  last 6s   tasks processing, at most 8             last 6s
                                             █ █                                               █ █                                            ████ █
                                             █ █                                               █ █                                            ████ █
                                             █ █                                               █ █                                            ████ █
                                             █ █                                               █ █                                            ████ █
                                          ▁▁▂█ █                                            ▁▃▅█ █                                            ████ █

 WORKER      HOST                            THREADS  CPU                             MEMORY                                         TASKS    SEEN
 worker-22   10.0.0.22                             2  ━━━━━━━━━━━━━━━━━━━━━━━━━ 275%  ━━━━━━━━━━━━━━━━━━━━━ 275%  22.0/8.0 GiB           0      1s  │
 worker-21   10.0.0.21                             2  ━━━━━━━━━━━━━━━━━━━━━━━━━ 262%  ━━━━━━━━━━━━━━━━━━━━━ 262%  21.0/8.0 GiB           0      1s  │
 worker-20   10.0.0.20                             2  ━━━━━━━━━━━━━━━━━━━━━━━━━ 250%  ━━━━━━━━━━━━━━━━━━━━━ 250%  20.0/8.0 GiB           0      1s  │
 worker-19   10.0.0.19                             2  ━━━━━━━━━━━━━━━━━━━━━━━━━ 238%  ━━━━━━━━━━━━━━━━━━━━━ 238%  19.0/8.0 GiB           0      1s  │
 worker-18   10.0.0.18                             2  ━━━━━━━━━━━━━━━━━━━━━━━━━ 225%  ━━━━━━━━━━━━━━━━━━━━━ 225%  18.0/8.0 GiB           0      1s  ┃
 worker-17   10.0.0.17                             2  ━━━━━━━━━━━━━━━━━━━━━━━━━ 212%  ━━━━━━━━━━━━━━━━━━━━━ 212%  17.0/8.0 GiB           0      1s  ┃
 worker-16   10.0.0.16                             2  ━━━━━━━━━━━━━━━━━━━━━━━━━ 200%  ━━━━━━━━━━━━━━━━━━━━━ 200%  16.0/8.0 GiB           0      1s  ┃
 worker-15   10.0.0.15                             2  ━━━━━━━━━━━━━━━━━━━━━━━━━ 188%  ━━━━━━━━━━━━━━━━━━━━━ 188%  15.0/8.0 GiB           0      1s  ┃
 worker-14   10.0.0.14                             2  ━━━━━━━━━━━━━━━━━━━━━━━━━ 175%  ━━━━━━━━━━━━━━━━━━━━━ 175%  14.0/8.0 GiB           0      1s  ┃
 worker-13   10.0.0.13                             2  ━━━━━━━━━━━━━━━━━━━━━━━━━ 162%  ━━━━━━━━━━━━━━━━━━━━━ 162%  13.0/8.0 GiB           0      1s  ┃
 worker-12   10.0.0.12                             2  ━━━━━━━━━━━━━━━━━━━━━━━━━ 150%  ━━━━━━━━━━━━━━━━━━━━━ 150%  12.0/8.0 GiB           0      1s  ┃
 worker-11   10.0.0.11                             2  ━━━━━━━━━━━━━━━━━━━━━━━━━ 138%  ━━━━━━━━━━━━━━━━━━━━━ 138%  11.0/8.0 GiB           0      1s  ┃
 worker-10   10.0.0.10                             2  ━━━━━━━━━━━━━━━━━━━━━━━━━ 125%  ━━━━━━━━━━━━━━━━━━━━━ 125%  10.0/8.0 GiB           0      1s  │
 worker-9    10.0.0.9                              2  ━━━━━━━━━━━━━━━━━━━━━━━━━ 112%  ━━━━━━━━━━━━━━━━━━━━━ 112%  9.0/8.0 GiB            1      1s  │
 worker-8    10.0.0.8                              2  ━━━━━━━━━━━━━━━━━━━━━━━━━ 100%  ━━━━━━━━━━━━━━━━━━━━━ 100%  8.0/8.0 GiB            2      1s  │
 worker-7    10.0.0.7                              2  ━━━━━━━━━━━━━━━━━━━━━━───  88%  ━━━━━━━━━━━━━━━━━━╸──  88%  7.0/8.0 GiB            3      1s  │
 Esc back  s sort  ? keys  q quit                                                                                                 by memory, every 2s

"#]]
    );
}

#[test]
fn without_colour_there_is_none() {
    let mut views = [several(), full(view(vec![busy(30)]))];
    for view in &mut views {
        for (has_colour, is_coloured) in [(true, true), (false, false)] {
            view.has_colour = has_colour;
            view.trouble = Some("it is gone".to_owned());
            let buffer = drawn(view, 120, 40);
            let mut cells = buffer.content.iter();
            let found = cells.any(|cell| cell.fg != Color::Reset || cell.bg != Color::Reset);
            assert_eq!(found, is_coloured);
        }
    }
}

fn foot(view: &View, width: u16) -> String {
    let shot = shot(view, width, 24);
    shot.lines().last().expect("a line").trim().to_owned()
}

#[test]
fn the_last_line_says_what_is_wrong() {
    let mut view = full(view(vec![busy(2)]));
    assert!(foot(&view, 80).ends_with("by worker, every 2s"));
    view.clusters[0].hear(at(0), Err("no answer".to_owned()));
    assert!(
        foot(&view, 80).starts_with("Esc"),
        "one that is late is no news"
    );
    view.now = at(0) + SignedDuration::from_secs(12);
    assert_eq!(
        foot(&view, 80),
        "the scheduler told this 12s ago; since then: no answer"
    );
    view.clusters[0].cluster.status = Status::Stopped;
    view.clusters[0].cluster.stop_time = Some(at(-5));
    assert_eq!(
        foot(&view, 100),
        format!("cluster {NAME} is STOPPED, 7s ago: this is the last it told")
    );
    view.clusters[0].is_forgotten = true;
    assert_eq!(
        foot(&view, 100),
        format!("the gateway no longer knows cluster {NAME}")
    );
    view.trouble = Some("can't reach the gateway".to_owned());
    assert_eq!(
        foot(&view, 80),
        "nothing new for 12s: can't reach the gateway"
    );
    assert_eq!(foot(&view, 20), "nothing new for 1…");
}

#[test]
fn the_keys_are_shown_over_the_rest() {
    let mut view = view(vec![]);
    view.has_help = true;
    assert_data_eq!(
        shot(&view, 60, 14),
        str![[r#"
 dgw top  0 clusters, 0 workers, 0 cores

 ┌ keys ──────────────────────────────────────────────────┐
 │ ↑ ↓  k j       a row up, down                          │
 │ PgUp PgDn      a screen up, down                       │
 │ Home End  g G  the first, the last                     │
 │ ↵              the cluster in full                     │
 │ Esc  ←         back to all clusters                    │
 │ s S  > <       sort by the next column, the one before │
 │ r              sort the other way round                │
 │ q  Ctrl-C      quit                                    │
 └────────────────────────────────────────────────────────┘

 ↵ open  s sort  ? keys  q quit            by age, every 2s

"#]]
    );
}

#[test]
fn sorting_leaves_the_unknown_at_the_end() {
    let mut view = several();
    view.clusters_by.column = titles(false)
        .iter()
        .position(|title| *title == "WORKERS")
        .expect("a column");
    let names = sorted_clusters(&view);
    assert_eq!(
        names[..3],
        [NAME, "51e47", "ns.c0ffee00c2ed4859b5a1d755ea35d28b"]
    );
}
