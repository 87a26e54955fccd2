//! A snapshot: everything that a store holds at one revision as one portable file, the same for every backend.
//!
//! ```text
//! "Keelson snapshot\n"
//! frame "KSNH": format varint · revision u64 · taken u64 · objects varint
//! frame "KSNO": resource · count varint · object*          any number of these
//! frame "KSNE": objects varint · CRC-32C of all bytes before this frame u32
//! ```
//!
//! Frames and objects are those of [`crate::codec`]. Resources and paths come in order. The first line tells a person
//! what the file is; the last frame tells that nothing is missing. History is not in it: a store that is made of a
//! snapshot begins there.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};

use keelson_api::time::UnixMillis;

use crate::codec::{
    FRAME_HEADER_BYTES, Malformed, Reader, decode_object, encode_object, frame, put_text, put_varint, unframe,
};
use crate::image::Image;
use crate::key::ResourceName;
use crate::object::Object;
use crate::revision::Revision;

const MAGIC: &[u8] = b"Keelson snapshot\n";
const FORMAT: u64 = 1;
const HEAD: u32 = u32::from_le_bytes(*b"KSNH");
const OBJECTS: u32 = u32::from_le_bytes(*b"KSNO");
const END: u32 = u32::from_le_bytes(*b"KSNE");
/// About how many bytes of objects a frame holds.
const RUN_BYTES: usize = 1 << 20;
/// A frame this long was not written by us: a run ends with the object that fills it.
const FRAME_BYTES_MAX: usize = 256 << 20;

/// What a snapshot holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// The revision at which everything stood so.
    pub revision: Revision,
    /// When it was taken, by the clock of whoever took it.
    pub taken: UnixMillis,
    /// How many objects there are.
    pub objects: u64,
    /// How long it is.
    pub bytes: u64,
}

/// Why a snapshot cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// It is something else.
    #[error("this is no Keelson snapshot")]
    Foreign,
    /// It was written by a later version.
    #[error("the snapshot has format {found} and this version knows only format {FORMAT}")]
    Newer {
        /// Its format.
        found: u64,
    },
    /// It ends too early.
    #[error("the snapshot ends at byte {offset}, before its end: it was not saved or copied completely")]
    Cut {
        /// Where.
        offset: u64,
    },
    /// Bytes are not what was written.
    #[error("the snapshot is damaged at byte {offset}: {what}")]
    Damaged {
        /// Where the damaged part begins.
        offset: u64,
        /// What does not fit.
        what: String,
    },
    /// The system refused.
    #[error("the snapshot cannot be read")]
    Io(#[from] io::Error),
}

/// Writes `image`, which was taken at `taken`.
///
/// # Errors
/// What `out` says.
pub fn save(image: &Image, taken: UnixMillis, out: impl Write) -> io::Result<Summary> {
    let mut out = Summed { inner: out, bytes: 0, sum: 0 };
    let objects = image.len() as u64;
    out.write_all(MAGIC)?;
    let mut bytes = Vec::with_capacity(RUN_BYTES + RUN_BYTES / 4);
    frame(HEAD, &mut bytes, |out| {
        put_varint(out, FORMAT);
        out.extend_from_slice(&image.revision.0.to_le_bytes());
        out.extend_from_slice(&taken.0.to_le_bytes());
        put_varint(out, objects);
    });
    out.write_all(&bytes)?;
    for (resource, table) in &image.tables {
        let mut rest = table.iter().peekable();
        let mut run: Vec<&Object> = Vec::new();
        while rest.peek().is_some() {
            let mut room = RUN_BYTES;
            run.clear();
            while let Some(object) = rest.next_if(|_| room > 0) {
                room = room.saturating_sub(object.path_and_value().len() + Object::OVERHEAD_BYTES);
                run.push(object);
            }
            bytes.clear();
            frame(OBJECTS, &mut bytes, |out| {
                put_text(out, resource.as_str());
                put_varint(out, run.len() as u64);
                run.iter().for_each(|object| encode_object(object, out));
            });
            out.write_all(&bytes)?;
        }
    }
    let sum = out.sum;
    bytes.clear();
    frame(END, &mut bytes, |out| {
        put_varint(out, objects);
        out.extend_from_slice(&sum.to_le_bytes());
    });
    out.write_all(&bytes)?;
    out.flush()?;
    Ok(Summary { revision: image.revision, taken, objects, bytes: out.bytes })
}

/// Reads a snapshot, whole, and verifies it.
///
/// # Errors
/// [`SnapshotError`], which names what is wrong with it and where.
pub fn load(input: impl Read) -> Result<(Summary, Image), SnapshotError> {
    let mut frames = Frames { input, offset: 0, sum: 0, buffer: Vec::new() };
    frames.magic()?;
    let (_, mut summary) = frames.next(|mark, payload| match mark {
        HEAD => head(payload),
        _ => Err(Wrong::Damaged(Malformed("the first record is not that of a snapshot"))),
    })?;
    let mut loading =
        Loading { image: Image { revision: summary.revision, tables: BTreeMap::new() }, last: None };
    loop {
        let sum = frames.sum;
        let (offset, end) = frames.next(|mark, payload| match mark {
            OBJECTS => loading.run(payload).map(|()| None).map_err(Wrong::Damaged),
            END => end(payload).map(Some).map_err(Wrong::Damaged),
            _ => Err(Wrong::Damaged(Malformed("no record of a snapshot begins here"))),
        })?;
        let Some((objects, expected)) = end else { continue };
        let damaged = |what: &str| Err(SnapshotError::Damaged { offset, what: what.to_owned() });
        if expected != sum {
            return damaged("the total does not match: records are missing, or were put in");
        }
        if objects != loading.image.len() as u64 || objects != summary.objects {
            return damaged("the count of objects does not match");
        }
        frames.finish()?;
        summary.bytes = frames.offset;
        return Ok((summary, loading.image));
    }
}

/// What is wrong with a record.
enum Wrong {
    Damaged(Malformed),
    Newer(u64),
}

impl From<Malformed> for Wrong {
    fn from(malformed: Malformed) -> Self {
        Self::Damaged(malformed)
    }
}

fn head(payload: &[u8]) -> Result<Summary, Wrong> {
    let mut reader = Reader { rest: payload };
    let format = reader.varint()?;
    if format != FORMAT {
        return Err(Wrong::Newer(format));
    }
    let (revision, taken) = (Revision(reader.u64()?), UnixMillis(reader.u64()?));
    Ok(Summary { revision, taken, objects: reader.varint()?, bytes: 0 })
}

fn end(payload: &[u8]) -> Result<(u64, u32), Malformed> {
    let mut reader = Reader { rest: payload };
    let objects = reader.varint()?;
    let sum =
        <[u8; 4]>::try_from(reader.rest).map_err(|_| Malformed("the last record has the wrong length"))?;
    Ok((objects, u32::from_le_bytes(sum)))
}

/// An image that grows by runs.
struct Loading {
    image: Image,
    /// What came last: everything comes in order.
    last: Option<(ResourceName, Box<str>)>,
}

impl Loading {
    fn run(&mut self, payload: &[u8]) -> Result<(), Malformed> {
        let mut reader = Reader { rest: payload };
        let resource = ResourceName::new(reader.text()?);
        let count = reader.varint()?;
        let mut rest = reader.rest;
        let table = self.image.tables.entry(resource.clone()).or_default();
        for _ in 0..count {
            let object = decode_object(&mut rest)?;
            if object.revision() > self.image.revision || object.created() > object.revision() {
                return Err(Malformed("an object is later than the snapshot"));
            }
            let place = Some((resource.clone(), Box::from(object.path())));
            if place <= self.last {
                return Err(Malformed("objects are not in order"));
            }
            self.last = place;
            table.insert(object);
        }
        if rest.is_empty() { Ok(()) } else { Err(Malformed("bytes are left over at the end of a run")) }
    }
}

/// Takes frames off a stream, and sums up what it took.
struct Frames<R> {
    input: R,
    offset: u64,
    sum: u32,
    buffer: Vec<u8>,
}

impl<R: Read> Frames<R> {
    fn magic(&mut self) -> Result<(), SnapshotError> {
        self.fill(MAGIC.len())?;
        if self.buffer != MAGIC {
            return Err(if MAGIC.starts_with(&self.buffer) && !self.buffer.is_empty() {
                SnapshotError::Cut { offset: self.buffer.len() as u64 }
            } else {
                SnapshotError::Foreign
            });
        }
        self.taken();
        Ok(())
    }

    /// Reads a frame, and returns where it began.
    fn next<T>(
        &mut self,
        read: impl FnOnce(u32, &[u8]) -> Result<T, Wrong>,
    ) -> Result<(u64, T), SnapshotError> {
        let offset = self.offset;
        let damaged = |what: Malformed| SnapshotError::Damaged { offset, what: what.to_string() };
        self.fill(FRAME_HEADER_BYTES)?;
        let Some((mark, length)) = self.header() else {
            return Err(SnapshotError::Cut { offset: self.end() });
        };
        if length > FRAME_BYTES_MAX {
            return Err(damaged(Malformed("a record says that it is longer than any can be")));
        }
        self.fill(FRAME_HEADER_BYTES + length)?;
        if self.buffer.len() < FRAME_HEADER_BYTES + length {
            return Err(SnapshotError::Cut { offset: self.end() });
        }
        let value = {
            let mut bytes = self.buffer.as_slice();
            let payload = unframe(mark, &mut bytes).map_err(damaged)?;
            read(mark, payload).map_err(|wrong| match wrong {
                Wrong::Damaged(what) => damaged(what),
                Wrong::Newer(found) => SnapshotError::Newer { found },
            })?
        };
        self.taken();
        Ok((offset, value))
    }

    /// The mark and the length of the payload.
    fn header(&self) -> Option<(u32, usize)> {
        let (mark, rest) = self.buffer.split_first_chunk()?;
        let (length, rest) = rest.split_first_chunk()?;
        (rest.len() >= FRAME_HEADER_BYTES - 8)
            .then(|| (u32::from_le_bytes(*mark), u32::from_le_bytes(*length) as usize))
    }

    /// There must be nothing behind the end.
    fn finish(&mut self) -> Result<(), SnapshotError> {
        self.fill(1)?;
        if self.buffer.is_empty() {
            return Ok(());
        }
        Err(SnapshotError::Damaged { offset: self.offset, what: "something comes behind the end".into() })
    }

    /// Reads until `length` bytes are there, or there are no more. Memory grows only as bytes come.
    fn fill(&mut self, length: usize) -> io::Result<()> {
        let missing = length.saturating_sub(self.buffer.len()) as u64;
        (&mut self.input).take(missing).read_to_end(&mut self.buffer)?;
        Ok(())
    }

    fn taken(&mut self) {
        self.sum = crc32c::crc32c_append(self.sum, &self.buffer);
        self.offset = self.end();
        self.buffer.clear();
    }

    fn end(&self) -> u64 {
        self.offset + self.buffer.len() as u64
    }
}

/// Counts and sums up what is written.
struct Summed<W> {
    inner: W,
    bytes: u64,
    sum: u32,
}

impl<W: Write> Write for Summed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.sum = crc32c::crc32c_append(self.sum, &bytes[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use keelson_api::uid::Uid;

    use super::*;
    use crate::table::Table;

    fn image(objects: u64, value_bytes: usize) -> Image {
        let table = |resource: u64| -> Table {
            let object = |n: u64| {
                let path = format!("ns/{n:06}");
                let bytes = [path.as_bytes(), &vec![b'v'; value_bytes]].concat();
                Object::new(Revision(2), Revision(2 + n), Uid([resource as u8; 16]), path.len(), &bytes)
            };
            (0..objects).map(object).collect()
        };
        let tables = [("configmaps", table(1)), ("pods", table(2))];
        let tables = tables.into_iter().map(|(name, table)| (ResourceName::new(name), table)).collect();
        Image { revision: Revision(2 + objects), tables }
    }

    fn saved(image: &Image) -> Vec<u8> {
        let mut bytes = Vec::new();
        let summary = save(image, UnixMillis(7), &mut bytes).unwrap();
        assert_eq!(summary.bytes, bytes.len() as u64);
        bytes
    }

    fn objects(image: &Image) -> Vec<(ResourceName, Object)> {
        let tables = image.tables.iter();
        tables
            .flat_map(|(name, table)| table.iter().map(move |object| (name.clone(), object.clone())))
            .collect()
    }

    #[test]
    fn a_snapshot_survives_the_trip() {
        for image in
            [Image { revision: Revision::GENESIS, ..Image::default() }, image(3, 10), image(3_000, 1_000)]
        {
            let bytes = saved(&image);
            let (summary, loaded) = load(bytes.as_slice()).unwrap();
            assert_eq!((summary.revision, summary.taken), (image.revision, UnixMillis(7)));
            assert_eq!((summary.objects, summary.bytes), (image.len() as u64, bytes.len() as u64));
            assert_eq!(loaded.revision, image.revision);
            assert_eq!(objects(&loaded), objects(&image));
        }
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_named() {
        let bytes = saved(&image(2, 5));
        for bit in 0..bytes.len() * 8 {
            let mut bad = bytes.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert!(load(bad.as_slice()).is_err(), "bit {bit}");
        }
        for cut in 1..bytes.len() {
            let error = load(&bytes[..cut]).unwrap_err();
            assert!(
                matches!(error, SnapshotError::Cut { offset } if offset == cut as u64),
                "cut at {cut}: {error}"
            );
        }
        let longer = [bytes.as_slice(), b"x"].concat();
        assert!(matches!(load(longer.as_slice()), Err(SnapshotError::Damaged { .. })));
    }

    #[test]
    fn a_missing_or_repeated_run_is_noticed() {
        // Two runs, each a sound frame by itself.
        let bytes = saved(&image(2, 5));
        let starts: Vec<usize> = (0..bytes.len())
            .filter(|at| bytes[*at..].starts_with(b"KSNO") || bytes[*at..].starts_with(b"KSNE"))
            .collect();
        let [first, second, end] = starts[..] else { panic!("{starts:?}") };
        for parts in [
            [&bytes[..first], &bytes[second..]].concat(),
            [&bytes[..second], &bytes[end..]].concat(),
            [&bytes[..second], &bytes[first..]].concat(),
            [&bytes[..first], &bytes[second..end], &bytes[first..second], &bytes[end..]].concat(),
        ] {
            let error = load(parts.as_slice()).unwrap_err();
            assert!(matches!(error, SnapshotError::Damaged { .. }), "{error}");
        }
    }

    #[test]
    fn other_files_and_later_formats_are_told_apart() {
        assert!(matches!(load(&b""[..]), Err(SnapshotError::Foreign)));
        assert!(matches!(load(&b"apiVersion: v1\nkind: List\n"[..]), Err(SnapshotError::Foreign)));
        let mut later = MAGIC.to_vec();
        frame(HEAD, &mut later, |out| put_varint(out, FORMAT + 1));
        assert!(matches!(load(later.as_slice()), Err(SnapshotError::Newer { found: 2 })));
    }
}
