//! The process is killed as nobody can prevent, at any moment, and starts again.

use std::time::Duration;

use crate::client::Client;
use crate::files::fill;
use crate::server::Scratch;

const OBJECTS: u64 = 50;
/// How often it is killed while it starts.
const KILLS: u64 = 40;

#[tokio::test]
async fn killed_at_any_moment_of_its_start_it_starts_again() {
    let scratch = Scratch::new();
    for kill in 0..KILLS {
        let server = scratch.spawn(&["up", "--listen", "127.0.0.1:0"]);
        // Not a wait for something: the moment is what is being tried.
        tokio::time::sleep(Duration::from_micros(kill * 1_000)).await;
        server.kill().await;
    }
    let server = scratch.up(&[]).await;
    assert_eq!(Client::of(&server.kubeconfig()).get("/readyz").await.body, "ok");
    server.end().await;
    assert!(scratch.must(&["storage", "check"]).await.ends_with("everything is sound\n"));
}

#[tokio::test]
async fn killed_while_it_serves_it_leaves_nothing_in_the_way() {
    let scratch = Scratch::new();
    fill(&scratch.data(), OBJECTS).await;
    for _ in 0..5 {
        let server = scratch.up(&[]).await;
        let client = Client::of(&server.kubeconfig());
        assert_eq!(client.get("/readyz").await.code, 200);
        server.kill().await;
        // Its socket is still there, and is known to be stale.
        assert!(scratch.data().join("control.sock").exists());
        let status = scratch.must(&["storage", "status"]).await;
        assert!(
            status.starts_with("server:    none running") && status.contains("configmaps: 50"),
            "{status}"
        );
    }
}
