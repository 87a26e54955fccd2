//! A disk that is really full: a small one in memory, in a mount namespace of its own, so that it needs no privilege,
//! is gone with its process, and two runs at once do not meet.

use std::fs;
use std::path::Path;
use std::process::Command;

use keelson_store::backend::{Appended, Backend, Refusal};
use keelson_store_embedded::{Embedded, Options};

use crate::kill::told;
use crate::model::{Model, assert_same, read, run};

/// Tells the test binary that it is on the small disk, and where that is.
const DISK_DIR: &str = "KEELSON_TEST_SMALL_DISK_DIR";
const MOUNT: &str =
    r#"mount -t tmpfs -o size=8m tmpfs "$1" && exec "$2" --exact full::on_a_small_disk --nocapture"#;

#[test]
fn a_full_disk_refuses_writes_and_recovers() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--mount", "sh", "-c", MOUNT, "sh"]);
    command.arg(dir.path()).arg(std::env::current_exe().expect("this program")).env(DISK_DIR, dir.path());
    let output = command.output().expect("`unshare` is there (package util-linux)");
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && told.contains("@done"),
        "on a small disk (which needs user namespaces): {told}{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Not a test of its own: what `a_full_disk_refuses_writes_and_recovers` starts.
#[test]
fn on_a_small_disk() {
    let Some(dir) = told(DISK_DIR) else { return };
    let dir = Path::new(&dir);
    fs::write(dir.join("ballast"), vec![1; 3 << 20]).expect("there is room");
    let store = dir.join("store");
    // A file that is made ready in the background takes up room, and gives it back if it cannot be finished: without
    // one it is certain that a disk that is full stays full.
    let options = Options {
        segment_bytes: 1 << 20,
        partition_bytes: 1 << 20,
        prepare_segments: false,
        ..Options::default()
    };
    let engine = Embedded::open(&store, options).expect("there is room");
    let mut model = Model::new(6, 100, 20_000);
    run(async {
        fill(&engine, &mut model).await;
        assert_same(&read(&engine).await.expect("reads go on"), &model.image(), "while it is full");
        for _ in 0..100 {
            assert!(is_full(&engine.append(&model.clone().step()).await), "it stays full");
        }
        let failed =
            engine.compact_now(&model.image()).await.expect_err("there is no room for it").to_string();
        assert!(failed.contains("No space left"), "{failed}");
        assert_same(
            &read(&engine).await.expect("reads go on"),
            &model.image(),
            "after a compaction that failed",
        );
        assert!(engine.usage().await.expect("it is known").free_bytes.expect("it is known") < 1 << 20);
        fs::remove_file(dir.join("ballast")).expect("it can be removed");
        assert!(matches!(engine.append(&model.step()).await, Appended::Committed), "it recovers by itself");
        engine.compact_now(&model.image()).await.expect("there is room again");
        fill(&engine, &mut model).await;
    });
    drop(engine);
    let engine = Embedded::open(&store, options).expect("it opens on a full disk");
    run(async { assert_same(&read(&engine).await.expect("all is there"), &model.image(), "opened again") });
    println!("\n@done");
}

/// Appends until there is no room.
async fn fill(engine: &Embedded, model: &mut Model) {
    loop {
        let before = model.clone();
        let appended = engine.append(&model.step()).await;
        if is_full(&appended) {
            *model = before;
            return;
        }
        assert!(matches!(appended, Appended::Committed), "{appended:?}");
    }
}

fn is_full(appended: &Appended) -> bool {
    matches!(appended, Appended::Refused(Refusal::Full(_)))
}
