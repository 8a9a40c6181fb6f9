//! What the model makes of events.

use super::*;
use crate::gateway::Listing;
use crate::scheduler::ReportDetail;
use crate::top::model::{ClusterKey, WatchedCluster};

fn names(model: &Model) -> Vec<&str> {
    let clusters = model.clusters().iter();
    clusters.map(WatchedCluster::name).collect()
}

fn list_all(model: &mut Model, clusters: &[(&str, Status)]) -> Vec<(ClusterKey, ReportDetail)> {
    let clusters = clusters.iter();
    let listing = Listing {
        clusters: clusters
            .map(|(name, status)| cluster(name, *status, 60))
            .collect(),
        clock: Some(at(0)),
    };
    model.listing_arrived(0, None, listing)
}

#[test]
fn list_of_all_clusters_replaces_the_one_before() {
    use Status::{Failed, Pending, Running};
    let mut model = model(Vec::new());
    let reports = list_all(&mut model, &[("a", Running), ("b", Pending), ("c", Failed)]);
    assert_eq!(reports, [(key("a"), ReportDetail::Numbers)]);
    assert_eq!(names(&model), ["a", "b"], "c had failed before");
    list_all(&mut model, &[("b", Failed), ("d", Running)]);
    assert_eq!(names(&model), ["b", "d"], "b failed while it was watched");
}

#[test]
fn opened_cluster_stays_when_the_list_has_it_no_more() {
    let mut model = model(Vec::new());
    list_all(&mut model, &[("a", Status::Running)]);
    model.open(key("a"));
    list_all(&mut model, &[("b", Status::Running)]);
    assert_eq!(names(&model), ["a", "b"]);
    model.close();
    list_all(&mut model, &[("b", Status::Running)]);
    assert_eq!(names(&model), ["b"]);
}

#[test]
fn versions_are_requested_until_they_are_known_and_kept() {
    let mut model = model(Vec::new());
    let request = |model: &mut Model, status| {
        let listing = Listing {
            clusters: vec![cluster("a", status, 60)],
            clock: Some(at(0)),
        };
        model.listing_arrived(0, Some("a"), listing)
    };
    let of = |detail| [(key("a"), detail)];
    assert_eq!(request(&mut model, Status::Pending), []);
    let running = Status::Running;
    assert_eq!(request(&mut model, running), of(ReportDetail::Everything));
    model.report_arrived(&key("a"), Ok(report(1)));
    assert_eq!(request(&mut model, running), of(ReportDetail::Numbers));
    let mut without = report(2);
    without.versions = None;
    model.report_arrived(&key("a"), Ok(without));
    assert_eq!(request(&mut model, running), of(ReportDetail::Numbers));
}

#[test]
fn response_of_the_gateway_ends_its_problem() {
    let mut model = model(Vec::new());
    model.gateway_mut(0).request_failed("it is gone".to_owned());
    assert_eq!(model.problems(), ["it is gone"]);
    list_all(&mut model, &[]);
    model.time_passed(at(-3));
    model.gateway_mut(0).request_failed("it is gone".to_owned());
    model.gateway_mut(0).request_delayed();
    assert_eq!(model.problems(), ["no update for 3s: it is gone"]);
    list_all(&mut model, &[]);
    assert!(model.problems().is_empty());
    model.gateway_mut(0).request_delayed();
    assert_eq!(
        model.problems(),
        ["no update for 0s: the gateway does not respond"]
    );
}

#[test]
fn cluster_that_returns_is_no_longer_gone() {
    let mut model = opened(reporting(NAME, 1));
    model.cluster_vanished(&key(NAME));
    assert_eq!(model.problems().len(), 1);
    list(&mut model, cluster(NAME, Status::Running, 60));
    assert!(model.problems().is_empty());
}

#[test]
fn each_table_has_its_own_order() {
    let mut model = opened(reporting(NAME, 1));
    model.sort(SortOrder::by(4));
    model.close();
    assert_eq!(model.order(), SortOrder::by(2), "by age");
    model.open(key(NAME));
    assert_eq!(model.order(), SortOrder::by(4));
}
