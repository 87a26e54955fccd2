//! Every workload, for a moment, against a debug binary of ours: that none fails, and that all is measured.

#![allow(clippy::unwrap_used, reason = "a test that does not get what it needs has failed")]

use std::path::PathBuf;
use std::process::Command;

/// The binary beside this test's own directory: `cargo test --workspace` puts it there.
fn keelson() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let binary = test.ancestors().nth(2).unwrap().join("keelson");
    assert!(binary.is_file(), "{}: not there; `cargo build` makes it", binary.display());
    binary
}

#[test]
fn every_workload_runs() {
    let chart = tempfile::NamedTempFile::new().unwrap();
    let subject = |name: &str| format!("{name}={}", keelson().display());
    let output = Command::new(env!("CARGO_BIN_EXE_keelson-bench"))
        .args(["--subject", &subject("one"), "--subject", &subject("other")])
        .args([
            "--workload",
            "all",
            "--rounds",
            "1",
            "--seconds",
            "0.1",
            "--workers",
            "4",
            "--connections",
            "2",
        ])
        .args(["--pods", "600", "--objects", "700", "--writes", "3"])
        .arg("--chart")
        .arg(chart.path())
        .output()
        .unwrap();
    let (said, told) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{told}");
    assert!(!told.contains("failed") && !told.contains("lost"), "{told}");
    for part in [
        "### Requests",
        "### Lists",
        "### Events",
        "### Start and memory",
        "event to one of 1,000 watchers, protobuf",
    ] {
        assert!(said.contains(part), "no {part} in {said}");
    }
    let rows = said.lines().filter(|line| line.contains("| one |") || line.contains("| other |")).count();
    assert_eq!(rows, 2 * 26, "{said}");
    assert!(std::fs::read_to_string(chart.path()).unwrap().starts_with("<svg"));
}
