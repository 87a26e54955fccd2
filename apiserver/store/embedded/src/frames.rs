//! Reads the checksummed frames of a file one after the other, in large pieces, with no more memory than a piece or
//! the largest frame takes.

use std::fs::File;
use std::path::{Path, PathBuf};

use keelson_store::backend::BackendError;
use keelson_store::codec::{FRAME_HEADER_BYTES, unframe};

use crate::disk::read_up_to;
use crate::error::{damaged, failed};

/// How much is read at once.
const PIECE_BYTES: usize = 512 << 10;

pub(crate) struct Frames {
    file: File,
    path: PathBuf,
    mark: u32,
    /// Where in the file the next frame begins.
    offset: u64,
    /// Where the last one ends.
    end: u64,
    buffer: Vec<u8>,
    /// Where in the buffer the next frame begins.
    unread: usize,
}

impl Frames {
    pub(crate) fn new(file: File, path: &Path, mark: u32, from: u64, end: u64) -> Self {
        Self { file, path: path.into(), mark, offset: from, end, buffer: Vec::new(), unread: 0 }
    }

    /// Where the next frame begins.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The payload of the next frame. After an error the offset still is that of the frame that was not read.
    pub(crate) fn next(&mut self) -> Result<Option<&[u8]>, BackendError> {
        if self.offset >= self.end {
            return Ok(None);
        }
        let length = self.length()?;
        self.fill(length)?;
        let start = self.unread;
        let mut bytes = &self.buffer[start..];
        unframe(self.mark, &mut bytes).map_err(|what| damaged(&self.path, self.offset, &what))?;
        self.unread += length;
        self.offset += length as u64;
        Ok(Some(&self.buffer[start + FRAME_HEADER_BYTES..start + length]))
    }

    /// The length of the next frame with its header, if it can be one.
    fn length(&mut self) -> Result<usize, BackendError> {
        self.fill(FRAME_HEADER_BYTES)?;
        let word = |at: usize| {
            let bytes = self.buffer.get(self.unread + at..self.unread + at + 4)?;
            Some(u32::from_le_bytes(bytes.try_into().expect("four bytes were asked for")))
        };
        let (mark, length) = (word(0), word(4));
        if mark != Some(self.mark) {
            return Err(damaged(&self.path, self.offset, "no record begins here"));
        }
        let length = length.map(|length| FRAME_HEADER_BYTES as u64 + u64::from(length));
        match length.filter(|length| *length <= self.end - self.offset) {
            Some(length) => Ok(usize::try_from(length).expect("a frame is shorter than 4 GiB")),
            None => Err(damaged(&self.path, self.offset, "a record is longer than what is left")),
        }
    }

    /// Makes the buffer hold `count` unread bytes, or as many as the file has.
    fn fill(&mut self, count: usize) -> Result<(), BackendError> {
        let held = self.buffer.len() - self.unread;
        if held >= count {
            return Ok(());
        }
        self.buffer.drain(..self.unread);
        self.unread = 0;
        let left = usize::try_from(self.end - self.offset).unwrap_or(usize::MAX) - held;
        let more = left.min(PIECE_BYTES.max(count) - held);
        read_up_to(&self.file, self.offset + held as u64, more, &mut self.buffer)
            .map_err(|error| failed("read", &self.path, error))
    }
}

/// The first place from `from` on where a whole and sound frame with this mark begins.
pub(crate) fn find(
    file: &File,
    path: &Path,
    mark: u32,
    from: u64,
    end: u64,
) -> Result<Option<u64>, BackendError> {
    let needle = mark.to_le_bytes();
    let (mut at, mut piece) = (from, Vec::new());
    while at + FRAME_HEADER_BYTES as u64 <= end {
        piece.clear();
        let length = usize::try_from(end - at).map_or(PIECE_BYTES, |left| left.min(PIECE_BYTES));
        read_up_to(file, at, length, &mut piece).map_err(|error| failed("read", path, error))?;
        let candidates = piece.windows(4).enumerate().filter(|(_, window)| *window == needle);
        for (place, _) in candidates {
            let start = at + place as u64;
            let file = file.try_clone().map_err(|error| failed("read", path, error))?;
            if let Ok(Some(_)) = Frames::new(file, path, mark, start, end).next() {
                return Ok(Some(start));
            }
        }
        // The next piece begins with the three bytes in which this one's last mark may have begun.
        match piece.len() {
            0..=3 => break,
            read => at += read as u64 - 3,
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use keelson_store::codec::frame;

    use super::*;

    const MARK: u32 = 0x1234_5678;

    fn write(bytes: &[u8]) -> (tempfile::NamedTempFile, File) {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(bytes).unwrap();
        let reader = file.reopen().unwrap();
        (file, reader)
    }

    fn frames(lengths: &[usize]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for length in lengths {
            frame(MARK, &mut bytes, |out| out.resize(out.len() + length, *length as u8));
        }
        bytes
    }

    #[test]
    fn frames_of_every_size_come_back() {
        let lengths = [0, 1, 300_000, PIECE_BYTES, 5, 2 * PIECE_BYTES + 7, 3];
        let bytes = frames(&lengths);
        let (named, file) = write(&bytes);
        let mut frames = Frames::new(file, named.path(), MARK, 0, bytes.len() as u64);
        for length in lengths {
            assert_eq!(frames.next().unwrap().unwrap(), vec![length as u8; length]);
        }
        assert!(frames.next().unwrap().is_none());
    }

    #[test]
    fn a_bad_frame_is_named_by_its_offset_and_a_length_is_not_believed() {
        let mut bytes = frames(&[10, 20]);
        bytes[22 + 7] = 0xff;
        let (named, file) = write(&bytes);
        let mut frames = Frames::new(file, named.path(), MARK, 0, bytes.len() as u64);
        frames.next().unwrap();
        let error = frames.next().unwrap_err().to_string();
        assert!(error.contains("at byte 22: a record is longer than what is left"), "{error}");
        assert_eq!(frames.offset(), 22);
    }

    #[test]
    fn a_frame_is_found_wherever_it_begins() {
        for place in [0, 1, 77, PIECE_BYTES - 3, PIECE_BYTES - 1, PIECE_BYTES, 3 * PIECE_BYTES + 1] {
            let mut bytes = vec![0; place];
            bytes.extend(frames(&[9]));
            bytes.extend([0; 50]);
            let end = bytes.len() as u64;
            let (named, file) = write(&bytes);
            assert_eq!(find(&file, named.path(), MARK, 0, end).unwrap(), Some(place as u64));
            assert_eq!(find(&file, named.path(), MARK, place as u64 + 1, end).unwrap(), None);
            assert_eq!(find(&file, named.path(), MARK + 1, 0, end).unwrap(), None);
        }
    }
}
