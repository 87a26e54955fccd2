//! Puts the same question to both, and says where they differ.

use std::collections::BTreeSet;
use std::fmt;

use serde_json::Value;

use crate::Options;
use crate::cluster::{self, Chance};
use crate::world::{Verdict, Whose, World};

/// How often is asked again before two places count as different: chance decides among places that are equally good.
const TRIES: usize = 12;

/// What came of it.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    clusters: usize,
    placed: usize,
    refused: usize,
    preempting: usize,
    pub(crate) differences: usize,
}

impl Tally {
    pub(crate) fn add(&mut self, other: &Self) {
        self.clusters += other.clusters;
        self.placed += other.placed;
        self.refused += other.refused;
        self.preempting += other.preempting;
        self.differences += other.differences;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { clusters, placed, refused, preempting, differences } = self;
        write!(
            f,
            "{clusters} clusters: {placed} pods placed, {refused} refused, {preempting} of them for others to go; \
             {differences} differences"
        )
    }
}

/// One cluster.
pub(crate) async fn run(options: &Options, seed: u64) -> Result<Tally, String> {
    let mut chance = Chance::new(seed);
    let mut world = World::start(options).await?;
    for (collection, object) in cluster::surroundings() {
        world.make(collection, &object).await;
    }
    for node in cluster::nodes(&mut chance) {
        world.make("/api/v1/nodes", &node).await;
    }
    let mut tally = Tally { clusters: 1, ..Tally::default() };
    for number in 0..options.pods {
        let (name, pod) = (format!("p{number}"), cluster::pod(&mut chance));
        let expected = world.ask(Whose::Upstream, &name, &pod).await?;
        let ours = world.ask(Whose::Ours, &name, &pod).await?;
        if let Some(difference) = difference(&world, &name, &pod, (&expected, &ours)).await? {
            tally.differences += 1;
            println!("cluster {seed}, {name}: {difference}\n    {}", pod["spec"]);
        }
        match expected {
            Verdict::Placed(node) => {
                tally.placed += 1;
                world.keep(&name, &pod, &node).await;
            }
            Verdict::Unfit { nominated, .. } => {
                tally.refused += 1;
                tally.preempting += usize::from(!nominated.is_empty());
            }
        }
    }
    world.end().await;
    println!("cluster {seed}: {tally}");
    Ok(tally)
}

/// How two verdicts differ, if they do.
async fn difference(
    world: &World,
    name: &str,
    pod: &Value,
    (expected, ours): (&Verdict, &Verdict),
) -> Result<Option<String>, String> {
    if expected == ours {
        return Ok(None);
    }
    let shown = || Some(format!("\n  upstream {expected:?}\n  ours     {ours:?}"));
    let alike = |one: &Verdict, other: &Verdict| match (one, other) {
        (Verdict::Placed(_), Verdict::Placed(_)) => true,
        // Of several nodes where the same harm is done, one is taken by chance, and is named.
        (Verdict::Unfit { nominated, .. }, Verdict::Unfit { nominated: other, .. }) => {
            !nominated.is_empty() && !other.is_empty()
        }
        _ => false,
    };
    if !alike(expected, ours) {
        return Ok(shown());
    }
    let mut taken: BTreeSet<String> = BTreeSet::new();
    for _ in 0..TRIES {
        let again = world.ask(Whose::Upstream, name, pod).await?;
        if again == *ours {
            return Ok(None);
        }
        taken.insert(format!("{again:?}"));
    }
    Ok(shown().map(|shown| format!("{shown}\n  upstream, asked {TRIES} times again: {taken:?}")))
}
