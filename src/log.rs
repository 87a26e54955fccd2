//! What the process tells about itself while it runs: lines on standard error, for people or for machines.

use std::io::IsTerminal;

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt, registry};

use crate::config::{LogFormat, Settings};

/// Begins to log. Called once, before anything that has something to tell.
pub(crate) fn begin(settings: &Settings) {
    let level = LevelFilter::from_level(settings.log_level);
    // What libraries tell at our level of detail is noise to everybody but their authors.
    let quiet = level.min(LevelFilter::INFO);
    let targets = Targets::new().with_default(level);
    let targets = ["h2", "hyper", "hyper_util", "rustls", "tokio_rustls", "tower"]
        .into_iter()
        .fold(targets, |targets, library| targets.with_target(library, quiet));
    let lines =
        fmt::layer().with_writer(std::io::stderr).with_target(settings.log_level >= tracing::Level::DEBUG);
    let lines = match settings.log_format {
        LogFormat::Human => lines.with_ansi(std::io::stderr().is_terminal()).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).with_target(true).boxed(),
    };
    registry().with(lines.with_filter(targets)).init();
}
