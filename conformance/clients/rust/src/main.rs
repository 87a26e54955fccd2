//! Tries a Kubernetes API server through kube-rs: its typed and dynamic client, its watcher, reflector and discovery.
//!
//! The server is the kubeconfig's, any server; it needs no node and no controllers. A line is printed for each case, and
//! the exit code is 0 only if all of them pass.

mod cases;
mod world;

use std::process::ExitCode;
use std::time::Duration;

use futures::StreamExt;
use tokio::time::timeout;

use world::World;

/// Longer than this no case takes, on whatever machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// As many cases run at a time: most of what they do is to wait.
const TOGETHER: usize = 4;

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::from(2)
        }
    }
}

/// How many cases failed.
async fn run() -> anyhow::Result<usize> {
    let only = std::env::args().nth(1).unwrap_or_default();
    let world = World::make().await?;
    let chosen = cases::all(&world).into_iter().filter(|(name, _)| name.contains(&only));
    let failed = futures::stream::iter(chosen)
        .map(|(name, case)| async move {
            let result =
                timeout(PATIENCE, case).await.unwrap_or_else(|_| Err(anyhow::anyhow!("it takes too long")));
            match &result {
                Ok(()) => println!("ok {name}"),
                Err(error) => println!("FAILED {name}: {}", format!("{error:#}").replace('\n', " / ")),
            }
            usize::from(result.is_err())
        })
        .buffer_unordered(TOGETHER)
        .fold(0, |failed, one| async move { failed + one })
        .await;
    world.remove().await?;
    Ok(failed)
}
