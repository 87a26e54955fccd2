//! Which version of Kubernetes this answers as.

use serde::Serialize;

/// The API's version, and this program's behind the plus sign, where semantic versioning puts what a build adds.
pub const GIT_VERSION: &str = concat!("v1.37.0+keelson.", env!("CARGO_PKG_VERSION"));

/// The answer at `/version`: upstream's fields.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Info {
    major: &'static str,
    minor: &'static str,
    emulation_major: &'static str,
    emulation_minor: &'static str,
    min_compatibility_major: &'static str,
    min_compatibility_minor: &'static str,
    git_version: &'static str,
    git_commit: &'static str,
    git_tree_state: &'static str,
    build_date: &'static str,
    go_version: &'static str,
    compiler: &'static str,
    platform: &'static str,
}

/// What is being run.
pub const INFO: Info = Info {
    major: "1",
    minor: "37",
    emulation_major: "1",
    emulation_minor: "37",
    min_compatibility_major: "1",
    min_compatibility_minor: "36",
    git_version: GIT_VERSION,
    git_commit: "",
    git_tree_state: "",
    // What upstream says where nobody told the build; a true date would make no two builds alike.
    build_date: "1970-01-01T00:00:00Z",
    // The field must be there; there is no Go.
    go_version: "",
    compiler: "rustc",
    platform: PLATFORM,
};

const PLATFORM: &str = if cfg!(target_arch = "x86_64") {
    "linux/amd64"
} else if cfg!(target_arch = "aarch64") {
    "linux/arm64"
} else {
    "linux/unknown"
};
