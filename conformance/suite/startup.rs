//! From nothing to ready, and again.

use keelson_subject::client::Client;
use keelson_subject::ours::{PATIENCE, until};

use crate::files::contents;
use crate::{place, place_with};

#[tokio::test]
async fn a_first_start_tells_its_steps_and_ends_with_one_line() {
    let scratch = place();
    let server = scratch.start(&["up", "--listen", "127.0.0.1:0"]).await;
    let (last, steps) = server.said.split_last().unwrap();
    assert!(!steps.is_empty() && steps.iter().all(|step| step.starts_with("  ")), "{steps:?}");
    let kubeconfig = server.kubeconfig();
    let begins = format!("Keelson is ready at https://{} after ", server.address);
    let ends = format!(" ms; kubeconfig: {}", kubeconfig.display());
    let millis = last.strip_prefix(&begins).and_then(|rest| rest.strip_suffix(&ends));
    assert!(millis.is_some_and(|millis| millis.parse::<u64>().is_ok()), "{last}");
    assert_eq!(Client::of(&kubeconfig).get("/readyz").await.body, "ok", "ready when it says so");
    server.end().await;
}

#[tokio::test]
async fn a_whole_cluster_has_controllers() {
    let scratch = place();
    let server = scratch.start(&["up", "--listen", "127.0.0.1:0"]).await;
    let client = Client::of(&server.kubeconfig());
    let account = "/api/v1/namespaces/default/serviceaccounts/default";
    // Nobody else makes it.
    let made = async { while client.get(account).await.code != 200 {} };
    tokio::time::timeout(PATIENCE, made).await.expect("somebody makes the account of a namespace");
    server.end().await;
}

#[tokio::test]
async fn a_second_start_changes_nothing_and_tells_one_line() {
    let scratch = place();
    let server = scratch.up(&[]).await;
    let address = server.address.to_string();
    server.end().await;
    let before = contents(&scratch.data());
    assert!(!before.contains_key(&scratch.data().join("control.sock")), "the socket is gone with its server");
    let server = scratch.start(&["up", "--listen", &address]).await;
    assert_eq!(server.said.len(), 1, "{:?}", server.said);
    assert_eq!(Client::of(&server.kubeconfig()).get("/readyz").await.body, "ok");
    let after = contents(&scratch.data());
    for name in ["admin.kubeconfig", "pki/ca.crt", "pki/ca.key", "pki/apiserver.crt", "pki/sa.key"] {
        let path = scratch.data().join(name);
        assert_eq!(before[&path], after[&path], "{name}");
    }
    server.end().await;
}

#[tokio::test]
async fn everything_secret_is_its_owners_alone() {
    let scratch = place();
    let server = scratch.up(&[]).await;
    for (path, content) in contents(&server.data) {
        let public = path.extension().is_some_and(|kind| kind == "crt" || kind == "pub");
        let mode = u32::from_str_radix(content.split(' ').next().unwrap(), 8).unwrap() & 0o077;
        assert!(mode == 0 || (public && mode == 0o044), "{}: {mode:o}", path.display());
    }
    server.end().await;
}

#[tokio::test]
async fn certificates_of_an_existing_cluster_are_used() {
    let scratch = place();
    let other = place();
    other.up(&[]).await.end().await;
    let pki = other.data().join("pki");
    let before = contents(&pki);
    let server = scratch.up(&["--pki-dir", pki.to_str().unwrap()]).await;
    let client = Client::of(&server.kubeconfig());
    assert_eq!(client.authority, std::fs::read_to_string(pki.join("ca.crt")).unwrap());
    assert_eq!(client.get("/readyz").await.body, "ok");
    assert!(!scratch.data().join("pki").exists());
    assert_eq!(contents(&pki), before);
    server.end().await;
}

#[tokio::test]
async fn it_answers_on_all_addresses_when_told_to() {
    let scratch = place();
    let server = scratch.start(&["up", "--listen", "0.0.0.0:0"]).await;
    assert!(server.address.ip().is_loopback(), "the kubeconfig is for this machine: {}", server.address);
    assert_eq!(Client::of(&server.kubeconfig()).get("/readyz").await.body, "ok");
    server.end().await;
}

#[tokio::test]
async fn machines_are_told_in_json() {
    let scratch = place();
    let mut server = scratch.spawn(&["up", "--listen", "127.0.0.1:0", "--log-format", "json"]);
    let line = || server.log().lines().find(|line| line.contains("\"message\":\"ready\"")).map(str::to_owned);
    let ready = until(line).await;
    server.signal(rustix::process::Signal::TERM);
    assert!(server.wait().await.success());
    let ready: serde_json::Value = serde_json::from_str(&ready).unwrap();
    let kubeconfig = scratch.data().join("admin.kubeconfig");
    assert_eq!(ready["kubeconfig"], kubeconfig.to_str().unwrap());
    assert!(ready["url"].as_str().unwrap().starts_with("https://127.0.0.1:"));
    for line in server.log().lines() {
        assert!(serde_json::from_str::<serde_json::Value>(line).is_ok(), "{line}");
    }
}

#[tokio::test]
async fn a_very_long_data_directory_works_too() {
    // A socket's path may have 107 bytes.
    let scratch = place_with(&format!("{}/{}", "d".repeat(100), "e".repeat(100)));
    let server = scratch.up(&[]).await;
    let status = scratch.must(&["storage", "status"]).await;
    assert!(status.contains(&format!("process {}", server.pid())), "{status}");
    server.end().await;
}
