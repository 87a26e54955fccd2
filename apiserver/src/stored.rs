//! The stored form of an object, and how answers are cut from it without looking inside.
//!
//! What lies in the store is the very JSON that a client will read, in upstream's field order and without white
//! space, less three things: `kind` and `apiVersion`, which follow from where it lies (and which lists leave out), and
//! `metadata.resourceVersion`, which is the store's own revision. A short header says in which version it was stored,
//! where the revision belongs, and what the object is found by besides its path, so that nobody has to look for that in
//! the JSON when an index is made:
//!
//! ```text
//! layout u8 = 2 · version length u8 · version · revision's place in the JSON u32 · number of values u8 ·
//! (length u16 · value)* · JSON
//! ```
//!
//! Layout 1 has neither number nor values; it is read, and no longer written.
//!
//! What is made when somebody asks for it, and lies in no store, has the same form, so that it is answered with in the
//! same ways; its revision is zero, and has no place.

pub(crate) mod scan;

use bytes::{BufMut, Bytes, BytesMut};
use keelson_store::object::Object;
use keelson_store::revision::Revision;

const LAYOUT: u8 = 2;
const LAYOUT_WITHOUT_VALUES: u8 = 1;
const PLACE_BYTES: usize = 4;
/// The revision of what lies in no store.
pub(crate) const NOT_STORED: Revision = Revision(0);
/// The place of a revision that there is none of.
const NOWHERE: usize = 0;

/// A stored object's parts. The store's checksums vouch for its bytes, so only their layout is looked at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stored<'a> {
    /// The version it was stored in.
    pub(crate) version: &'a str,
    /// The object without kind, API version and revision.
    pub(crate) json: &'a [u8],
    /// Where in the JSON the revision belongs.
    place: usize,
    /// What it is found by, as it is laid out; nothing where the layout has no room for it.
    found_by: Option<&'a [u8]>,
}

/// The bytes in the store are not of the form above.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a stored object is not in a form that this version can read")]
pub(crate) struct UnknownLayout;

/// The bytes to be stored for an object whose JSON, without kind, API version and revision, is `json`, and which is found
/// by the values `found_by`, in the order of its resource's indexed fields.
///
/// The revision is put behind the uid, which every object has.
pub(crate) fn store(version: &str, found_by: &[&str], json: &[u8]) -> Bytes {
    let uid =
        scan::find(json, &["metadata", "uid"]).expect("every object that is stored has got its uid before");
    // `find` gives what lies between the quotes: the place is behind the closing one.
    let place = uid.as_ptr() as usize - json.as_ptr() as usize + uid.len() + 1;
    lay_out(version, place, found_by, json)
}

fn lay_out(version: &str, place: usize, found_by: &[&str], json: &[u8]) -> Bytes {
    let values = found_by.iter().map(|value| 2 + value.len()).sum::<usize>();
    let mut stored = BytesMut::with_capacity(3 + version.len() + PLACE_BYTES + values + json.len());
    stored.put_u8(LAYOUT);
    stored.put_u8(u8::try_from(version.len()).expect("versions are short"));
    stored.put_slice(version.as_bytes());
    stored.put_u32(u32::try_from(place).expect("objects are far below 4 GiB"));
    stored.put_u8(u8::try_from(found_by.len()).expect("few fields of a resource are indexed"));
    for value in found_by {
        stored.put_u16(u16::try_from(value.len()).expect("what is indexed are names"));
        stored.put_slice(value.as_bytes());
    }
    stored.put_slice(json);
    stored.freeze()
}

/// The same for an object that is made when somebody asks, and so has no revision.
pub(crate) fn unversioned(version: &str, json: &[u8]) -> Bytes {
    lay_out(version, NOWHERE, &[], json)
}

impl<'a> Stored<'a> {
    /// The parts of `object` as it is stored.
    pub(crate) fn of(object: &'a Object) -> Result<Self, UnknownLayout> {
        Self::read(object.value())
    }

    fn read(bytes: &'a [u8]) -> Result<Self, UnknownLayout> {
        let [layout @ (LAYOUT | LAYOUT_WITHOUT_VALUES), length, rest @ ..] = bytes else {
            return Err(UnknownLayout);
        };
        let (version, rest) = rest.split_at_checked(usize::from(*length)).ok_or(UnknownLayout)?;
        let (place, rest) = rest.split_first_chunk().ok_or(UnknownLayout)?;
        let (found_by, json) = match *layout {
            LAYOUT => split_values(rest).map(|(values, json)| (Some(values), json)).ok_or(UnknownLayout)?,
            _ => (None, rest),
        };
        let place = u32::from_be_bytes(*place) as usize;
        let version = str::from_utf8(version).map_err(|_| UnknownLayout)?;
        if place >= json.len() || json[0] != b'{' {
            return Err(UnknownLayout);
        }
        Ok(Self { version, json, place, found_by })
    }

    /// The value of the resource's `nth` indexed field; nothing where only the JSON says.
    pub(crate) fn found_by(&self, nth: usize) -> Option<&'a str> {
        let mut rest = self.found_by?;
        for _ in 0..nth {
            rest = next_value(rest)?.1;
        }
        str::from_utf8(next_value(rest)?.0).ok()
    }

    /// How long an answer with `opening` in front will be, at the most.
    pub(crate) fn answer_bytes_max(&self, opening: &str) -> usize {
        const REVISION_BYTES_MAX: usize = r#","resourceVersion":"""#.len() + 20;
        opening.len() + self.json.len() + REVISION_BYTES_MAX
    }

    /// Appends the object with its revision (or another: a deletion has its own). `opening` replaces the first brace:
    /// it is `{` in a list and [`opening`] elsewhere.
    pub(crate) fn write(&self, opening: &str, revision: Revision, out: &mut BytesMut) {
        self.write_until(self.json.len(), opening, revision, out);
    }

    /// Does that for the JSON before `end`, which lies behind the revision's place.
    pub(crate) fn write_until(&self, end: usize, opening: &str, revision: Revision, out: &mut BytesMut) {
        let mut digits = itoa::Buffer::new();
        out.put_slice(opening.as_bytes());
        if self.place == NOWHERE {
            return out.put_slice(&self.json[1..end]);
        }
        out.put_slice(&self.json[1..self.place]);
        out.put_slice(br#","resourceVersion":""#);
        out.put_slice(digits.format(revision.0).as_bytes());
        out.put_u8(b'"');
        out.put_slice(&self.json[self.place..end]);
    }
}

/// The values that an object is found by, as they are laid out behind their number, and what comes behind them.
fn split_values(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (number, values) = bytes.split_first()?;
    let mut rest = values;
    for _ in 0..*number {
        rest = next_value(rest)?.1;
    }
    Some((&values[..values.len() - rest.len()], rest))
}

fn next_value(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk()?;
    rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))
}

/// How an object that says what it is begins.
pub(crate) fn opening(api_version: &str, kind: &str) -> String {
    format!(r#"{{"kind":"{kind}","apiVersion":"{api_version}","#)
}

#[cfg(test)]
mod tests {
    use super::*;

    const JSON: &str =
        r#"{"metadata":{"name":"a","namespace":"b","uid":"u-1","creationTimestamp":"now"},"spec":{}}"#;

    fn read(bytes: &[u8]) -> Result<Stored<'_>, UnknownLayout> {
        Stored::read(bytes)
    }

    #[test]
    fn the_revision_stands_behind_the_uid() {
        let bytes = store("v1", &[], JSON.as_bytes());
        let stored = read(&bytes).unwrap();
        assert_eq!((stored.version, stored.found_by(0)), ("v1", None));
        assert_eq!(stored.json, JSON.as_bytes());
        let mut whole = BytesMut::new();
        stored.write(&opening("apps/v1", "Deployment"), Revision(7), &mut whole);
        assert_eq!(
            str::from_utf8(&whole).unwrap(),
            r#"{"kind":"Deployment","apiVersion":"apps/v1","metadata":{"name":"a","namespace":"b","uid":"u-1","resourceVersion":"7","creationTimestamp":"now"},"spec":{}}"#
        );
        assert!(whole.len() <= stored.answer_bytes_max(&opening("apps/v1", "Deployment")));
    }

    #[test]
    fn what_it_is_found_by_stands_in_front() {
        let bytes = store("v1", &["node-1", "", "ß"], JSON.as_bytes());
        let stored = read(&bytes).unwrap();
        assert_eq!(stored.json, JSON.as_bytes());
        assert_eq!([0, 1, 2, 3].map(|nth| stored.found_by(nth)), [Some("node-1"), Some(""), Some("ß"), None]);
    }

    #[test]
    fn the_layout_without_values_is_read() {
        let bytes = [&[1, 2], &b"v1"[..], &44_u32.to_be_bytes(), JSON.as_bytes()].concat();
        let stored = read(&bytes).unwrap();
        assert_eq!((stored.version, stored.json, stored.found_by(0)), ("v1", JSON.as_bytes(), None));
    }

    #[test]
    fn other_bytes_are_refused() {
        let bytes = store("v1", &["a", ""], JSON.as_bytes());
        for cut in 0..bytes.len() - JSON.len() {
            assert_eq!(read(&bytes[..cut]).unwrap_err(), UnknownLayout, "cut at {cut}");
        }
        assert_eq!(read(JSON.as_bytes()).unwrap_err(), UnknownLayout);
    }
}
