//! Durable writes per second: writers that each wait for their own write, and one committer that makes all of them
//! durable together.

use std::path::Path;
use std::time::{Duration, Instant};

use keelson_store::revision::Revision;
use tokio::sync::{mpsc, oneshot};

use crate::engine::{self, Engine, NAMES};
use crate::flush::{Room, flushes};
use crate::objects::{VALUE_BYTES, Writer};
use crate::{line, median};

/// Many short rounds, so that whatever else the machine does meets all engines alike.
const ROUNDS: usize = 15;
const TIME: Duration = Duration::from_millis(400);
/// Written before the clock starts, so that no engine is measured on its first file.
const WARM_UP_GROUPS: usize = 160;
const WRITERS: [usize; 3] = [1, 16, 256];
const ROOMS: [Room; 3] = [Room::Growing, Room::SetAside, Room::Written];

pub fn report(root: &Path) {
    let mut rates = vec![vec![Vec::new(); NAMES.len()]; WRITERS.len()];
    let mut times = vec![vec![Vec::new(); ROOMS.len()]; WRITERS.len()];
    for round in 0..ROUNDS {
        for (place, writers) in WRITERS.into_iter().enumerate() {
            for (room, times) in ROOMS.into_iter().zip(&mut times[place]) {
                let bytes = (VALUE_BYTES + 90) * writers;
                times.push(median(flushes(root, room, bytes, TIME / 8)));
            }
            // Nobody always comes first.
            for turn in 0..NAMES.len() {
                let name = (turn + round) % NAMES.len();
                let dir = root.join("rates");
                let mut engine = engine::open(NAMES[name], &dir);
                rates[place][name].push(rate(&mut *engine, writers));
                drop(engine);
                std::fs::remove_dir_all(dir).expect("it was made above");
            }
        }
    }
    for (place, writers) in WRITERS.into_iter().enumerate() {
        let figures: Vec<String> =
            rates[place].iter().map(|rates| format!("{:.0}", median(rates.clone()))).collect();
        line(&format!("durable writes/s of 1 KiB, {writers} writers"), &figures);
    }
    for (place, writers) in WRITERS.into_iter().enumerate() {
        let figures = times[place].iter().map(|times| median(times.clone()));
        let text: Vec<String> =
            ROOMS.iter().zip(figures).map(|(room, time)| format!("{room:?} {:.0} µs", time * 1e6)).collect();
        eprintln!("raw flush of {writers} KiB: {}", text.join(", "));
    }
}

/// What a writer says to the committer.
enum Said {
    Write(oneshot::Sender<()>),
    Bye,
}

fn rate(engine: &mut dyn Engine, writers: usize) -> f64 {
    let mut writer = Writer::new(Revision::GENESIS, 10_000);
    (0..WARM_UP_GROUPS).for_each(|_| engine.commit(&writer.update(256)));
    let (said, received) = mpsc::unbounded_channel();
    std::thread::scope(|scope| {
        let committer = scope.spawn(|| commit_groups(engine, &mut writer, received, writers));
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let began = Instant::now();
        let written: usize = runtime.block_on(async {
            let mut tasks = tokio::task::JoinSet::new();
            for _ in 0..writers {
                tasks.spawn(write(said.clone(), began));
            }
            drop(said);
            tasks.join_all().await.into_iter().sum()
        });
        let seconds = began.elapsed().as_secs_f64();
        committer.join().expect("it does not panic");
        written as f64 / seconds
    })
}

async fn write(said: mpsc::UnboundedSender<Said>, began: Instant) -> usize {
    let mut written = 0;
    while began.elapsed() < TIME {
        let (answer, answered) = oneshot::channel();
        said.send(Said::Write(answer)).ok().expect("the committer lives");
        answered.await.expect("the committer answers");
        written += 1;
    }
    said.send(Said::Bye).ok().expect("the committer lives");
    written
}

/// Commits when every writer waits, so that groups are as large as they can be, and the same for every engine.
fn commit_groups(
    engine: &mut dyn Engine,
    writer: &mut Writer,
    mut received: mpsc::UnboundedReceiver<Said>,
    mut writers: usize,
) {
    let mut group = Vec::new();
    while let Some(said) = received.blocking_recv() {
        match said {
            Said::Write(answer) => group.push(answer),
            Said::Bye => writers -= 1,
        }
        if group.len() == writers && writers > 0 {
            engine.commit(&writer.update(group.len() as u64));
            for answer in group.drain(..) {
                let _ = answer.send(());
            }
        }
    }
}
