//! One seed: a cluster from its beginning until it is quiet. The seed decides on everything.

use std::sync::Arc;
use std::time::Duration;

use keelson_apiserver::admission::plugins::Plugins;
use keelson_apiserver::caller::Caller;
use keelson_store::fault::{Faulty, Plan as StorePlan, Random};
use parking_lot::Mutex;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::checks::undone;
use crate::history::History;
use crate::house;
use crate::life::{Ground, What};
use crate::network::{Network, Plan, REQUESTS_MAX};
use crate::tap::Tap;
use crate::user::User;

/// What all others give room for in the end.
const RESCUE: &str = "rescue";
/// How long after the last fault everything has to be as it was declared, in virtual time. Pods that keep failing wait for
/// five minutes between two tries, and rollouts go one after the other.
const DONE_WITHIN: Duration = Duration::from_secs(45 * 60);
/// What still happens then: events of what was done last are written, jobs that are over go after their time, and pods that
/// were to be disrupted and were not are taken at their word no longer, after two minutes.
const SETTLES_WITHIN: Duration = Duration::from_secs(180);
/// How long nothing is to happen after that. Nodes say how they are every five minutes.
const QUIET_FOR: Duration = Duration::from_secs(11 * 60);
/// How often one looks.
const LOOK: Duration = Duration::from_secs(5);

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) hash: u64,
    pub(crate) wrongs: Vec<String>,
    pub(crate) lines: Vec<String>,
    pub(crate) writes: u64,
    pub(crate) requests: u64,
    /// How long it took, in virtual seconds.
    pub(crate) seconds: u64,
}

/// Whether a history is printed as it happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Voice {
    Aloud,
    Silent,
}

/// Runs a seed to its end, in this thread.
pub(crate) fn run(seed: u64, voice: Voice) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let runtime = runtime.expect("a runtime of this thread");
    runtime.block_on(tell(seed, voice))
}

/// Components of a cluster, as the seed has them.
fn components(random: &mut Random) -> Vec<(&'static str, What)> {
    let alone = random.chance(750);
    let mut all = vec![
        ("controllers", What::Controllers { alone }),
        ("scheduler", What::Scheduler { alone }),
        ("left", What::Nodes { count: 2, shape: "cpu=2,memory=2Gi,pods=40" }),
    ];
    if !alone {
        all.push(("controllers-b", What::Controllers { alone }));
        all.push(("scheduler-b", What::Scheduler { alone }));
    }
    if random.chance(700) {
        all.push(("right", What::Nodes { count: 2, shape: "cpu=3,memory=1Gi,pods=40" }));
    }
    all
}

fn store_plan(random: &mut Random) -> StorePlan {
    if random.chance(700) {
        return StorePlan::calm();
    }
    // Nobody else writes to a history in memory, and what cannot be read at the start is not there.
    StorePlan { rival: 0, read: 0, compact: 0, ..StorePlan::rough() }
}

async fn tell(seed: u64, voice: Voice) -> Outcome {
    let mut random = Random::new(seed.wrapping_mul(0x2545_f491_4f6c_dd1d).wrapping_add(1));
    let history = Arc::new(Mutex::new(History::new(voice == Voice::Aloud)));
    let clock = house::clock();
    let store =
        Arc::new(Faulty::new(Arc::new(Tap::new(Arc::clone(&history))), random.draw(), StorePlan::calm()));
    let server = house::open(store.clone(), &clock, random.draw(), Plugins::default()).await;
    let network = Network::new(Arc::clone(&history), random.draw(), Plan::calm());
    let components = components(&mut random);
    let names = components.iter().map(|(name, _)| *name).collect();
    let ground = Arc::new(Ground {
        network: Arc::clone(&network),
        server: server.clone(),
        clock,
        random: Mutex::new(Random::new(random.draw())),
    });
    let as_user = |name| {
        network.client(&server, ("user", 0), (name, Caller::authenticated("user", ["system:masters"])))
    };
    let mut user = User::new(
        [as_user("user"), as_user("drainer")],
        Arc::clone(&network),
        Random::new(random.draw()),
        names,
    );
    let mut running = JoinSet::new();
    for (name, what) in components {
        running.spawn(Arc::clone(&ground).live(name, what));
    }
    user.begin().await;
    let plan = Plan::drawn(&mut random);
    history.lock().note(&format!("seed {seed}: {plan:?}"));
    network.follow(plan);
    store.follow(store_plan(&mut random));
    user.work(Duration::from_secs(random.between(60, 240))).await;
    network.follow(Plan::calm());
    store.heal().await;
    user.mend().await;
    running.spawn(ground.live(RESCUE, What::Nodes { count: 1, shape: "cpu=64,memory=256Gi,pods=200" }));
    finish(&history, &network, &mut user).await;
    running.shutdown().await;
    let history = history.lock();
    Outcome {
        hash: history.hash(),
        wrongs: history.wrongs.clone(),
        lines: history.lines.iter().cloned().collect(),
        writes: history.writes,
        requests: network.requests(),
        seconds: history.now() / 1000,
    }
}

/// Waits until everything is done, and then for a while in which nothing may happen.
async fn finish(history: &Mutex<History>, network: &Network, user: &mut User) {
    let began = Instant::now();
    let mut rounds = 0_u32;
    loop {
        let left = undone(&history.lock().world);
        if left.is_empty() {
            break;
        }
        if network.requests() > REQUESTS_MAX {
            history.lock().wrong(format!("there were more than {REQUESTS_MAX} requests"));
        }
        if began.elapsed() > DONE_WITHIN || network.requests() > REQUESTS_MAX {
            for left in left {
                history.lock().wrong(format!("not done: {left}"));
            }
            return;
        }
        rounds += 1;
        if rounds.is_multiple_of(24) {
            user.clear().await;
        }
        sleep(LOOK).await;
    }
    history.lock().note("everything is done");
    sleep(SETTLES_WITHIN).await;
    history.lock().stirs();
    sleep(QUIET_FOR).await;
    let mut history = history.lock();
    let stirs = history.stirs();
    if let Some(first) = stirs.first() {
        history.wrong(format!("{} writes when all was done, the first of them {first}", stirs.len()));
    }
    for left in undone(&history.world) {
        history.wrong(format!("undone again: {left}"));
    }
}
