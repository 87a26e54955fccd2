//! The sizes that an opened directory works with. None of them is written down: any may change from start to start.

/// How an engine lays out its files.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// How long a file of the log is; rounded up to whole pages.
    pub segment_bytes: u64,
    /// How long a file of the base may become, about.
    pub partition_bytes: u64,
    /// With less to be gained, the log is not folded into the base.
    pub fold_bytes_min: u64,
    /// Whether files for the log are filled with zeros before they are needed, which makes flushes faster.
    pub prepare_segments: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            segment_bytes: 16 << 20,
            partition_bytes: 32 << 20,
            fold_bytes_min: 16 << 20,
            prepare_segments: true,
        }
    }
}
