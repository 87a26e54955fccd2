//! Which place decides, and what is said where none can.

use std::io::Write;

use super::*;

fn around(variable: fn(&str) -> Option<OsString>) -> Surroundings {
    Surroundings { variable, root: false }
}

fn given(values: &[(&'static str, &str)], config: Option<&Path>) -> Given {
    let values = values.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    Given { values, config: config.map(Path::to_owned), verbose: 0 }
}

fn file(text: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

fn resolve(given: &Given, around: &Surroundings) -> Result<Settings, Failure> {
    parse(&decide(given, around)?, around)
}

fn home(name: &str) -> Option<OsString> {
    (name == "HOME").then(|| "/home/me".into())
}

fn home_and_port(name: &str) -> Option<OsString> {
    match name {
        "KEELSON_LISTEN" => Some("127.0.0.1:2".into()),
        _ => home(name),
    }
}

#[test]
fn defaults_hold_where_nothing_is_said() {
    let settings = resolve(&Given::default(), &around(home)).unwrap();
    assert_eq!(settings.data_dir, Path::new("/home/me/.keelson"));
    assert_eq!(settings.pki_dir(), Path::new("/home/me/.keelson/pki"));
    assert_eq!(settings.listen, "127.0.0.1:6443".parse().unwrap());
    assert_eq!(settings.log_level, tracing::Level::INFO);
    let root = Surroundings { variable: |_| None, root: true };
    assert_eq!(resolve(&Given::default(), &root).unwrap().data_dir, Path::new("/var/lib/keelson"));
}

#[test]
fn the_flag_wins_over_the_environment_and_that_over_the_file() {
    let file = file("listen: 127.0.0.1:3\nlog-format: json\n");
    let port = |given: &Given, variable| resolve(given, &around(variable)).unwrap().listen.port();
    let path = Some(file.path());
    assert_eq!(port(&given(&[("listen", "127.0.0.1:1")], path), home_and_port), 1);
    assert_eq!(port(&given(&[], path), home_and_port), 2);
    assert_eq!(port(&given(&[], path), home), 3);
    assert_eq!(port(&given(&[], None), home), 6443);
    assert_eq!(resolve(&given(&[], path), &around(home)).unwrap().log_format, LogFormat::Json);
    let verbose = Given { verbose: 2, ..given(&[], path) };
    assert_eq!(resolve(&verbose, &around(home)).unwrap().log_level, tracing::Level::TRACE);
}

#[test]
fn what_is_wrong_is_named_with_its_place_and_remedy() {
    let (unknown, bad) = (file("\nlissen: 127.0.0.1:1\n"), file("listen: nowhere\n"));
    let (bad_path, unknown_path) = (bad.path().display(), unknown.path().display());
    for (given, line) in [
        (
            given(&[("listen", "localhost")], None),
            "listen: \"localhost\" from --listen is no address; give an IP address and a port, such as 127.0.0.1:6443 or [::]:6443".to_owned(),
        ),
        (
            given(&[], Some(bad.path())),
            format!("listen: \"nowhere\" from {bad_path} line 1 is no address; give an IP address and a port, such as 127.0.0.1:6443 or [::]:6443"),
        ),
        (
            given(&[], Some(unknown.path())),
            format!("{unknown_path} line 2: there is no setting \"lissen\"; did you mean \"listen\"? (`keelson config default` lists all)"),
        ),
        (
            given(&[("log-level", "loud")], None),
            "log-level: \"loud\" from --log-level is no log level; give error, warn, info, debug or trace".to_owned(),
        ),
        (
            given(&[("shutdown-timeout", "-1")], None),
            "shutdown-timeout: \"-1\" from --shutdown-timeout is no number of seconds; give one from 0 on".to_owned(),
        ),
        (given(&[("data-dir", "")], None), "data-dir: \"\" from --data-dir is empty; give a path".to_owned()),
    ] {
        let failure = resolve(&given, &around(home)).unwrap_err();
        assert_eq!((failure.code(), failure.to_string()), (2, line));
    }
    let nowhere = resolve(&Given::default(), &around(|_| None)).unwrap_err().to_string();
    assert!(nowhere.contains("HOME is not set"), "{nowhere}");
}

#[test]
fn the_default_file_says_what_holds_anyway() {
    for root in [false, true] {
        let around = Surroundings { variable: home, root };
        let text = file::default_text(&around);
        for setting in SETTINGS {
            assert!(text.contains(&format!("\n{}:", setting.name)), "{} is not in\n{text}", setting.name);
        }
        let file = file(&text);
        let plain = resolve(&Given::default(), &around);
        assert_eq!(resolve(&given(&[], Some(file.path())), &around), plain, "{text}");
    }
}
