//! Whole worlds under thousands of seeds: honest ones, in which nobody may be told anything that is not true, and
//! worlds with something wrong in them, which must come out.

use std::time::Duration;

use keelson_store::contract::{Broken, Outcome};
use keelson_store::fault::Plan;

use crate::clients::Lie;
use crate::flawed::Flaw;
use crate::mirrors::Tap;
use crate::seeds::every_seed;
use crate::verdict::{BY_THE_ANSWERS, BY_THE_LOG};
use crate::world::{World, live};

fn replay(world: &World, seed: u64) -> Outcome {
    live(world, seed).map(drop)
}

fn honest(world: &World, seeds: std::ops::Range<u64>) {
    every_seed(seeds, |seed| replay(world, seed));
}

/// Write a world and a seed here to see it alone, and leave it here once what it showed is mended.
#[test]
fn seeds_that_once_failed_do_not_again() {
    let seeds =
        [(World::calm(), 0), (World::rough(), 0), (World::rough().with(2), 0), (World::rough().with(2), 60)];
    for (world, seed) in seeds {
        honest(&world, seed..seed + 1);
    }
}

#[test]
fn one_store_where_nothing_goes_wrong() {
    honest(&World::calm(), 0..500);
}

#[test]
fn one_store_where_everything_goes_wrong() {
    honest(&World::rough(), 0..2000);
}

#[test]
fn two_stores_where_nothing_goes_wrong() {
    honest(&World { forgetful: true, ..World::calm() }.with(2), 0..1000);
}

#[test]
fn two_stores_where_everything_goes_wrong() {
    honest(&World::rough().with(2), 0..2000);
}

#[test]
fn stores_with_a_crowd_before_them() {
    honest(&World { crowded: true, ..World::calm() }, 0..300);
    honest(&World { crowded: true, ..World::rough() }.with(2), 0..700);
}

#[test]
fn three_stores_and_lost_replies() {
    let plan = Plan { lost_before: 150, lost_after: 150, late: 150, rival: 150, ..Plan::rough() };
    honest(&World { plan, ..World::calm() }.with(3), 0..1000);
}

#[test]
fn stores_that_commit_on_threads() {
    honest(&World { threads: true, ..World::calm() }, 0..8);
    honest(&World { threads: true, outages: false, ..World::rough() }.with(2), 0..8);
}

#[test]
fn the_same_seed_is_the_same_world() {
    for seed in 0..100 {
        let world = World::rough().with(2);
        let lives = [(); 2].map(|()| format!("{:?}", live(&world, seed)));
        assert_eq!(lives[0], lives[1], "{seed}");
    }
}

/// Seeds in which what is wrong has to show at least once.
const CHANCES: u64 = 40;

fn found(world: &World) -> Vec<String> {
    (0..CHANCES).filter_map(|seed| replay(world, seed).err()).map(|Broken(why)| why).collect()
}

#[test]
fn flaws_below_the_store_come_out() {
    let delays = Plan { delay: 500, delay_max: Duration::from_millis(10), ..Plan::calm() };
    let crashing = World { crashes: true, forgetful: true, plan: delays, ..World::calm() };
    let two = crashing.clone().with(2);
    let worlds = [
        (Flaw::SkipsTheHeadCheck, &two),
        (Flaw::LosesABatch, &crashing),
        (Flaw::AcknowledgesBeforeTheFlush, &crashing),
        (Flaw::RefusesWithEffect, &two),
        (Flaw::AppendsInPart, &crashing),
        (Flaw::DropsFromTheLog, &crashing),
        (Flaw::Reorders, &crashing),
        (Flaw::DropsFromTheBase, &crashing),
        (Flaw::ServesAnOldObject, &crashing),
        (Flaw::CompactsTooFar, &crashing),
    ];
    for (flaw, world) in worlds {
        let first = (0..CHANCES).find(|seed| replay(&World { flaw, ..world.clone() }, *seed).is_err());
        assert!(first.is_some(), "{flaw:?} does not come out");
    }
}

#[test]
fn lies_to_clients_come_out_twice() {
    let delays = Plan { delay: 500, delay_max: Duration::from_millis(10), ..Plan::calm() };
    let world = World { plan: delays, ..World::calm() }.with(2);
    for lie in [Lie::ReadsWhatIsAtHand, Lie::IgnoresConditions, Lie::MakesItTwice] {
        let found = found(&World { lie, ..world.clone() });
        for judge in [BY_THE_LOG, BY_THE_ANSWERS] {
            assert!(found.iter().any(|why| why.contains(judge)), "{lie:?} does not come out {judge}");
        }
    }
}

#[test]
fn what_happens_to_events_on_the_way_comes_out_every_time() {
    for tap in [Tap::Drops(3), Tap::Repeats(3), Tap::Swaps(3), Tap::ServesOld(3)] {
        assert_eq!(found(&World { tap, ..World::calm() }).len() as u64, CHANCES, "{tap:?} does not come out");
    }
}
