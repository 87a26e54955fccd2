//! Stories of leases: of several, one works.

use std::time::Duration;

use keelson_client::lease::{Candidate, Election};
use keelson_client::{Key, Resource};
use tokio::time::{Instant, timeout};

use crate::stories::cluster::Cluster;

const LEASES: Resource = Resource::namespaced("coordination.k8s.io", "v1", "leases", "Lease");

fn candidate(cluster: &Cluster, identity: &str) -> Candidate {
    let election = Election::new(Key::new("kube-system", "it"), identity.into());
    Candidate::new(cluster.client.clone(), cluster.clock.clone(), election)
}

#[tokio::test(start_paused = true)]
async fn one_that_lets_go_is_followed_at_once_and_one_that_dies_in_time() {
    let cluster = Cluster::empty().await;
    let (mut first, mut second) = (candidate(&cluster, "first"), candidate(&cluster, "second"));
    first.acquire().await;
    let minute = Duration::from_secs(60);
    let both = async { tokio::join!(timeout(minute, first.hold()), timeout(minute, second.acquire())) };
    let (held, acquired) = both.await;
    assert!(held.is_err() && acquired.is_err(), "the first one holds it for as long as it renews it");

    first.release().await.expect("it can be given back");
    let began = Instant::now();
    second.acquire().await;
    assert!(began.elapsed() <= Duration::from_secs(2), "{:?}", began.elapsed());
    let lease = cluster.get(&LEASES, "kube-system/it").await.expect("there is one");
    assert_eq!(lease["spec"]["holderIdentity"], "second");
    assert_eq!(lease["spec"]["leaseTransitions"], 1);

    // The second one dies: nobody renews it.
    let began = Instant::now();
    first.acquire().await;
    let waited = began.elapsed().as_secs();
    assert!((14..=19).contains(&waited), "{waited}");
}
