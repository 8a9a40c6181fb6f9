//! What the events of a cluster add up to.

use jiff::Timestamp;

use super::raw::RawEvent;

/// The number of events that a scheduler keeps of a topic, at least: a list as long as this may have
/// lost its beginning.
const KEPT: usize = 1000;

/// The work that was submitted to a cluster, and the workers that it lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EventTotals {
    pub(crate) graphs: u64,
    /// The tasks of all graphs; `None` if a graph does not tell.
    pub(crate) tasks: Option<u64>,
    /// `None` if the scheduler does not tell which workers were expected to leave.
    pub(crate) lost_workers: Option<u64>,
    /// False if the scheduler may have forgotten earlier events: then the numbers are lower bounds.
    pub(crate) is_complete: bool,
}

impl EventTotals {
    /// Adds up the events of the topic `all` after `since`, or all of them. Workers that were lost need
    /// more than that to be counted.
    pub(super) fn of(all: &[RawEvent], since: Option<Timestamp>) -> Self {
        let is_new = |event: &&RawEvent| since.is_none_or(|since| event.time() > Some(since));
        let new = || all.iter().filter(is_new);
        let graphs = new().filter_map(RawEvent::graph);
        let graphs = graphs.filter(|(_, has_failed)| !has_failed);
        let (mut count, mut tasks) = (0, Some(0_u64));
        for (tasks_of_graph, _) in graphs {
            count += 1;
            tasks = tasks
                .zip(tasks_of_graph)
                .and_then(|(sum, number)| sum.checked_add(number));
        }
        let mut removals = new().filter_map(RawEvent::removal);
        let none_is_lost = removals.all(|(_, removal)| removal.is_expected == Some(true));
        let has_beginning = all.first().is_some_and(|first| !is_new(&first));
        Self {
            graphs: count,
            tasks,
            lost_workers: none_is_lost.then_some(0),
            is_complete: all.len() < KEPT || has_beginning,
        }
    }
}
