//! What careless people do: each time one line that says what to do, an exit code, and nothing changed on the disk.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use keelson_subject::client::Client;
use keelson_subject::ours::{Ended, Scratch, keelson, run};
use tokio::process::Command;

use crate::files::contents;
use crate::{BINARY, place};

/// Whom permissions apply to, where the tests themselves run as root.
const NOBODY: u32 = 65534;

/// Runs it and holds it to one line with all of `said`, this exit code, and nothing changed below `place`.
async fn refused(command: Command, place: &Path, code: i32, said: &[&str]) -> Ended {
    let before = contents(place);
    let ended = run(command).await;
    assert_eq!(ended.code, Some(code), "{ended:?}");
    assert_eq!(ended.err.lines().count(), 1, "{ended:?}");
    assert!(ended.err.starts_with("keelson: "), "{ended:?}");
    for said in said {
        assert!(ended.err.contains(said), "not {said:?}: {ended:?}");
    }
    let after = contents(place);
    assert!(after == before, "something has changed: {:?}", after.keys().collect::<Vec<_>>());
    ended
}

/// `keelson up` on the data directory of `scratch`.
fn up(scratch: &Scratch, args: &[&str]) -> Command {
    let mut command = scratch.keelson(&["up"]);
    command.arg("--data-dir").arg(scratch.data()).args(args);
    command
}

const ANY_PORT: [&str; 2] = ["--listen", "127.0.0.1:0"];

#[tokio::test]
async fn a_port_in_use() {
    let scratch = place();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let said = [address.as_str(), "in use", "--listen", "port 0 takes a free one"];
    refused(up(&scratch, &["--listen", &address]), &scratch.path("."), 1, &said).await;
}

#[tokio::test]
async fn an_address_of_another_machine() {
    let scratch = place();
    let said = ["192.0.2.1:6443", "give an address of this machine"];
    refused(up(&scratch, &["--listen", "192.0.2.1:6443"]), &scratch.path("."), 1, &said).await;
}

#[tokio::test]
async fn settings_that_make_no_sense() {
    let scratch = place();
    let file = scratch.path("k.yaml");
    let named = file.to_str().unwrap();
    let here = scratch.path(".");
    for (args, said) in [
        (&["--listen", "localhost:6443"][..], &["--listen", "give an IP address and a port"][..]),
        (&["--listen", "127.0.0.1"], &["--listen", "give an IP address and a port"]),
        (&["--log-level", "loud"], &["--log-level", "give error, warn, info, debug or trace"]),
        (&["--log-format", "xml"], &["--log-format", "give human or json"]),
        (&["--shutdown-timeout", "soon"], &["--shutdown-timeout", "number of seconds"]),
        (&["--data-dir", ""], &["--data-dir", "give a path"]),
    ] {
        let mut command = scratch.keelson(&["up"]);
        command.args(args);
        refused(command, &here, 2, said).await;
    }
    for (text, line, said) in [
        ("listn: 127.0.0.1:1\n", "line 1", "did you mean \"listen\"?"),
        ("log-level: info\n\nData_Dir: x\n", "line 3", "did you mean \"data-dir\"?"),
        ("listen: here\n", "line 1", "give an IP address and a port"),
        ("listen: [1, 2]\n", "line 1", "`keelson config default` prints a file as it should be"),
        ("- listen\n", "k.yaml", "expected settings, one `name: value` per line"),
        ("listen: 127.0.0.1:1\nlisten: 127.0.0.1:2\n", "line 2", "listen"),
        ("listen: \"127\n", "k.yaml", "`keelson config default` prints a file as it should be"),
    ] {
        std::fs::write(&file, text).unwrap();
        refused(up(&scratch, &["--config", named]), &here, 2, &["k.yaml", line, said]).await;
        refused(scratch.keelson(&["config", "check", named]), &here, 2, &["k.yaml", line, said]).await;
    }
    std::fs::remove_file(&file).unwrap();
    refused(up(&scratch, &["--config", named]), &here, 1, &["k.yaml", "check the path"]).await;
    let mut command = up(&scratch, &[]);
    command.env("KEELSON_LISTEN", "x");
    refused(command, &here, 2, &["KEELSON_LISTEN"]).await;
}

#[tokio::test]
async fn a_file_where_the_data_directory_should_be() {
    let scratch = place();
    std::fs::write(scratch.data(), "mine").unwrap();
    let here = scratch.path(".");
    refused(up(&scratch, &ANY_PORT), &here, 1, &["data is a file", "--data-dir"]).await;
    let below = scratch.data().join("below");
    let mut command = scratch.keelson(&["up", "--listen", "127.0.0.1:0"]);
    command.arg("--data-dir").arg(below);
    refused(command, &here, 1, &["data", "--data-dir"]).await;
}

#[tokio::test]
async fn a_directory_with_something_else_in_the_stores_place() {
    let scratch = place();
    std::fs::create_dir_all(scratch.data().join("store")).unwrap();
    std::fs::write(scratch.data().join("store/homework.txt"), "mine").unwrap();
    refused(up(&scratch, &ANY_PORT), &scratch.path("."), 1, &["homework.txt", "not a Keelson store"]).await;
}

#[tokio::test]
async fn data_of_a_newer_version() {
    let scratch = place();
    scratch.up(&[]).await.end().await;
    let format = scratch.data().join("store/format");
    let text = std::fs::read_to_string(&format).unwrap().replace("format 1", "format 2");
    std::fs::write(&format, text).unwrap();
    refused(up(&scratch, &ANY_PORT), &scratch.path("."), 1, &["format 2", "newer version"]).await;
}

#[tokio::test]
async fn a_second_server_on_one_directory() {
    let scratch = place();
    let server = scratch.up(&[]).await;
    let process = format!("process {}", server.pid());
    let ended =
        refused(up(&scratch, &ANY_PORT), &scratch.path("data"), 1, &[&process, "stop that process"]).await;
    assert!(!ended.out.contains("ready"), "{ended:?}");
    assert_eq!(Client::of(&server.kubeconfig()).get("/readyz").await.body, "ok", "the first one goes on");
    assert!(scratch.must(&["storage", "status"]).await.contains(&process), "and so does its socket");
    server.end().await;
}

#[tokio::test]
async fn a_certificate_without_its_key() {
    let scratch = place();
    let pki = scratch.path("pki");
    let other = place();
    other.up(&[]).await.end().await;
    std::fs::create_dir(&pki).unwrap();
    std::fs::copy(other.data().join("pki/ca.crt"), pki.join("ca.crt")).unwrap();
    let args = [&ANY_PORT[..], &["--pki-dir", pki.to_str().unwrap()]].concat();
    refused(
        up(&scratch, &args),
        &scratch.path("."),
        1,
        &["ca.crt is there but ca.key is not", "put ca.key beside it"],
    )
    .await;
}

#[tokio::test]
async fn words_that_are_no_commands() {
    let scratch = place();
    for (args, said) in [
        (&["upp"][..], "up"),
        (&["up", "--listne", "x"], "--listen"),
        (&["storage", "snapshot", "save"], "<FILE>"),
        (&["completion", "vi"], "bash"),
    ] {
        let ended = run(scratch.keelson(args)).await;
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.err.contains(said), "{ended:?}");
    }
    // Said nothing at all, people are shown what they can say.
    let ended = run(scratch.keelson(&[])).await;
    assert!(ended.err.contains("Usage: keelson <COMMAND>"), "{ended:?}");
}

/// The binary as somebody whom permissions apply to.
async fn as_nobody(scratch: &Scratch, data: &Path) -> Command {
    let binary = scratch.path("keelson");
    // By another process: a file that this one has open to write could not be run while another test starts a server.
    let copied = Command::new("cp").arg(env!("CARGO_BIN_EXE_keelson")).arg(&binary).status().await.unwrap();
    assert!(copied.success());
    std::fs::set_permissions(&binary, PermissionsExt::from_mode(0o755)).unwrap();
    std::fs::set_permissions(scratch.path("."), PermissionsExt::from_mode(0o755)).unwrap();
    let mut command = Command::new(binary);
    command.env_clear().env("HOME", scratch.path(".")).kill_on_drop(true);
    command.args(["up", "--listen", "127.0.0.1:0"]).arg("--data-dir").arg(data);
    if rustix::process::geteuid().is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    command
}

#[tokio::test]
async fn a_data_directory_of_somebody_else() {
    let scratch = place();
    std::fs::create_dir(scratch.data()).unwrap();
    std::fs::set_permissions(scratch.data(), PermissionsExt::from_mode(0o500)).unwrap();
    let said =
        ["cannot be read and written by user", "change its owner, or choose another one by --data-dir"];
    refused(as_nobody(&scratch, &scratch.data()).await, &scratch.data(), 1, &said).await;
}

#[tokio::test]
async fn a_place_where_no_directory_can_be_made() {
    let scratch = place();
    let parent = scratch.path("parent");
    std::fs::create_dir(&parent).unwrap();
    std::fs::set_permissions(&parent, PermissionsExt::from_mode(0o555)).unwrap();
    let said = ["cannot be made", "is not writable for user", "--data-dir"];
    refused(as_nobody(&scratch, &parent.join("a/b")).await, &parent, 1, &said).await;
    // The same for certificates alone: then no store is made either.
    let open = scratch.path("open");
    std::fs::create_dir(&open).unwrap();
    std::fs::set_permissions(&open, PermissionsExt::from_mode(0o777)).unwrap();
    let mut command = as_nobody(&scratch, &open.join("data")).await;
    command.arg("--pki-dir").arg(parent.join("pki"));
    refused(command, &open, 1, &["certificates are missing in", "cannot be written", "--pki-dir"]).await;
}

#[tokio::test]
async fn no_home_to_keep_data_in() {
    if rustix::process::geteuid().is_root() {
        // Root's data is not kept in a home.
        return;
    }
    let scratch = place();
    let mut command = keelson(Path::new(BINARY), &scratch.path("."));
    command.arg("up").env_remove("HOME");
    refused(command, &scratch.path("."), 2, &["HOME is not set", "data-dir"]).await;
}
