//! Recorded answers: a file per area, one line of JSON per script, compressed.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use flate2::{Compression, GzBuilder};
use serde::{Deserialize, Serialize};

use crate::ask::Answers;
use crate::normal::Normal;
use crate::script::Script;

/// What was recorded of one script.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Recorded {
    /// The script's name in its area.
    pub script: String,
    /// The answers to its steps.
    pub answers: Vec<RecordedAnswer>,
}

/// What was recorded of one step.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RecordedAnswer {
    /// The step's name.
    pub step: String,
    /// What was asked: see [`crate::script::Step::digest`].
    pub asked: String,
    /// Whether it was another one when it was asked again, and so proves nothing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unsteady: bool,
    /// What came back.
    #[serde(flatten)]
    pub answer: Normal,
}

/// Everything recorded, by the scripts' full names.
pub type Record = BTreeMap<String, Recorded>;

/// Where the recorded answers lie.
#[must_use]
pub fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures")
}

/// What is to be recorded of these answers to these scripts.
#[must_use]
pub fn record(scripts: &[Script], answers: Vec<Answers>) -> Record {
    let of = |(script, answers): (&Script, Answers)| {
        let asked = |step: &str| script.steps.iter().find(|one| one.name == step).map(|one| one.digest());
        let answers = answers.into_iter().map(|(step, answer)| RecordedAnswer {
            asked: asked(&step).unwrap_or_default(),
            step,
            unsteady: false,
            answer,
        });
        let recorded = Recorded { script: script.name.clone(), answers: answers.collect() };
        (script.full_name(), recorded)
    };
    scripts.iter().zip(answers).map(of).collect()
}

/// Reads all that is recorded.
///
/// # Errors
/// If a file cannot be read, or is not what was written.
pub fn read(directory: &Path) -> Result<Record, String> {
    let mut record = Record::new();
    let files = fs::read_dir(directory).map_err(|error| format!("{}: {error}", directory.display()))?;
    for file in files {
        let path = file.map_err(|error| error.to_string())?.path();
        let Some(area) = path.file_name().and_then(|name| name.to_str()?.strip_suffix(".jsonl.gz")) else {
            continue;
        };
        let failed = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
        let compressed = fs::read(&path).map_err(|error| failed(&error))?;
        let mut lines = String::new();
        GzDecoder::new(compressed.as_slice()).read_to_string(&mut lines).map_err(|error| failed(&error))?;
        for line in lines.lines() {
            let recorded: Recorded = serde_json::from_str(line).map_err(|error| failed(&error))?;
            record.insert(format!("{area}/{}", recorded.script), recorded);
        }
    }
    Ok(record)
}

/// Writes the areas that `record` has anew, whole.
///
/// # Errors
/// If a file cannot be written.
pub fn write(directory: &Path, record: &Record) -> Result<(), String> {
    let mut areas: BTreeMap<&str, Vec<u8>> = BTreeMap::new();
    for (name, recorded) in record {
        let area = name.split('/').next().unwrap_or_default();
        let lines = areas.entry(area).or_default();
        serde_json::to_writer(&mut *lines, recorded).map_err(|error| error.to_string())?;
        lines.push(b'\n');
    }
    for (area, lines) in areas {
        let path = directory.join(format!("{area}.jsonl.gz"));
        // Without time and name in it, the same answers make the same file.
        let mut file = GzBuilder::new().mtime(0).write(Vec::new(), Compression::best());
        let written = file.write_all(&lines).and_then(|()| file.finish());
        let written = written.and_then(|bytes| fs::write(&path, bytes));
        written.map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(())
}
