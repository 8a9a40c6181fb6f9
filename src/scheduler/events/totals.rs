//! What the events of a cluster add up to.

use jiff::Timestamp;

use super::raw::RawEvent;

/// The number of events that a scheduler keeps of a topic, at least: a list as long as this may have
/// lost its beginning.
const KEPT: usize = 1000;

/// The work that was submitted to a cluster, and the workers that it lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct EventTotals {
    /// `None` if there is none: up to 2024, schedulers don't tell graphs of a single task.
    pub(crate) graphs: Option<u64>,
    /// The tasks of all graphs; `None` if a graph does not tell.
    pub(crate) tasks: Option<u64>,
    /// `None` if the scheduler does not tell which workers were expected to leave.
    pub(crate) lost_workers: Option<u64>,
    /// False if the scheduler leaves out or has forgotten some events: then the numbers are lower
    /// bounds.
    pub(crate) is_complete: bool,
}

impl EventTotals {
    /// Adds up the events after `since`, or all of them, of several topics. Workers that were lost
    /// need more than that to be counted.
    pub(super) fn of(topics: &[Vec<RawEvent>], since: Option<Timestamp>) -> Self {
        let is_new = |event: &&RawEvent| since.is_none_or(|since| event.time() > Some(since));
        let new = || topics.iter().flatten().filter(is_new);
        let (mut graphs, mut tasks) = (None, None);
        for (tasks_of_graph, has_failed) in new().filter_map(RawEvent::graph) {
            if !has_failed {
                let sum = if graphs.is_none() { Some(0) } else { tasks };
                tasks = sum
                    .zip(tasks_of_graph)
                    .and_then(|(sum, number): (u64, u64)| sum.checked_add(number));
                graphs = Some(graphs.unwrap_or(0) + 1);
            }
        }
        let mut removals = new().filter_map(RawEvent::removal);
        let none_is_lost = removals.all(|(_, removal)| removal.is_expected == Some(true));
        let has_all = |topic: &Vec<RawEvent>| {
            topic.len() < KEPT || topic.first().is_some_and(|first| !is_new(&first))
        };
        Self {
            graphs,
            tasks,
            lost_workers: none_is_lost.then_some(0),
            is_complete: topics.iter().all(has_all) && !new().any(RawEvent::is_of_large_graph),
        }
    }
}
