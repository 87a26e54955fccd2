//! Settings from outside: flags, environment, file, and what the commands about them print.

use keelson_subject::ours::run;

use crate::place;

#[tokio::test]
async fn the_default_file_is_sound_and_says_what_holds_anyway() {
    let scratch = place();
    let file = scratch.path("keelson.yaml");
    let printed = run(scratch.keelson(&["config", "default"])).await;
    assert_eq!((printed.code, printed.err.as_str()), (Some(0), ""));
    std::fs::write(&file, &printed.out).unwrap();
    let with = run(scratch.keelson(&["config", "check", file.to_str().unwrap()])).await;
    let without = run(scratch.keelson(&["config", "check"])).await;
    assert_eq!((with.code, without.code), (Some(0), Some(0)), "{with:?}");
    let values = |text: &str| {
        text.lines().map(|line| line.split('#').next().unwrap().trim().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(values(&with.out), values(&without.out));
}

#[tokio::test]
async fn what_is_nearest_to_the_call_wins() {
    let scratch = place();
    let file = scratch.path("keelson.yaml");
    std::fs::write(&file, "listen: 127.0.0.1:3\nlog-level: warn\ndata-dir: /from/file\n").unwrap();
    let mut command =
        scratch.keelson(&["config", "check", "--config", file.to_str().unwrap(), "--listen", "127.0.0.1:1"]);
    command.env("KEELSON_LISTEN", "127.0.0.1:2").env("KEELSON_LOG_LEVEL", "debug");
    let checked = run(command).await;
    for (setting, value, origin) in [
        ("listen", "127.0.0.1:1", "--listen"),
        ("log-level", "debug", "KEELSON_LOG_LEVEL"),
        ("data-dir", "/from/file", "keelson.yaml line 3"),
        ("shutdown-timeout", "10", "the default"),
    ] {
        let said = |line: &&str| line.starts_with(&format!("{setting}: {value} ")) && line.ends_with(origin);
        assert!(checked.out.lines().any(|line| said(&line)), "{setting}: {checked:?}");
    }
}

#[tokio::test]
async fn help_and_completion_are_there_for_every_command() {
    let scratch = place();
    for args in [
        &["--help"][..],
        &["up", "--help"],
        &["apiserver", "--help"],
        &["controllers", "--help"],
        &["storage", "--help"],
        &["storage", "status", "--help"],
        &["storage", "check", "--help"],
        &["storage", "compact", "--help"],
        &["storage", "snapshot", "save", "--help"],
        &["storage", "snapshot", "restore", "--help"],
        &["config", "--help"],
        &["config", "check", "--help"],
        &["version"],
        &["--version"],
        &["completion", "bash"],
        &["completion", "zsh"],
        &["completion", "fish"],
    ] {
        let ended = run(scratch.keelson(args)).await;
        assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{args:?}");
        assert!(!ended.out.is_empty(), "{args:?}");
        if args.contains(&"--help") {
            assert!(ended.out.lines().all(|line| line.chars().count() <= 110), "{args:?}: {}", ended.out);
        }
    }
    let up = run(scratch.keelson(&["up", "--help"])).await.out;
    for flag in [
        "--data-dir",
        "--pki-dir",
        "--listen",
        "--config",
        "--controllers",
        "--shutdown-timeout",
        "--log-format",
        "--log-level",
        "-v",
    ] {
        assert!(up.contains(flag), "{flag}");
    }
}
