//! The stored form of an object, and how answers are cut from it without looking inside.
//!
//! What lies in the store is the very JSON that a client will read, in upstream's field order and without white
//! space, less three things: `kind` and `apiVersion`, which follow from where it lies (and which lists leave out), and
//! `metadata.resourceVersion`, which is the store's own revision. A short header says in which version it was stored
//! and where the revision belongs:
//!
//! ```text
//! layout u8 = 1 · version length u8 · version · revision's place in the JSON u32 · JSON
//! ```
//!
//! What is made when somebody asks for it, and lies in no store, has the same form, so that it is answered with in the
//! same ways; its revision is zero, and has no place.

pub(crate) mod scan;

use bytes::{BufMut, Bytes, BytesMut};
use keelson_store::object::Object;
use keelson_store::revision::Revision;

const LAYOUT: u8 = 1;
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
}

/// The bytes in the store are not of the form above.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a stored object is not in a form that this version can read")]
pub(crate) struct UnknownLayout;

/// The bytes to be stored for an object whose JSON, without kind, API version and revision, is `json`.
///
/// The revision is put behind the uid, which every object has.
pub(crate) fn store(version: &str, json: &[u8]) -> Bytes {
    let uid =
        scan::find(json, &["metadata", "uid"]).expect("every object that is stored has got its uid before");
    // `find` gives what lies between the quotes: the place is behind the closing one.
    let place = uid.as_ptr() as usize - json.as_ptr() as usize + uid.len() + 1;
    lay_out(version, place, json)
}

fn lay_out(version: &str, place: usize, json: &[u8]) -> Bytes {
    let mut stored = BytesMut::with_capacity(2 + version.len() + PLACE_BYTES + json.len());
    stored.put_u8(LAYOUT);
    stored.put_u8(u8::try_from(version.len()).expect("versions are short"));
    stored.put_slice(version.as_bytes());
    stored.put_u32(u32::try_from(place).expect("objects are far below 4 GiB"));
    stored.put_slice(json);
    stored.freeze()
}

/// The same for an object that is made when somebody asks, and so has no revision.
pub(crate) fn unversioned(version: &str, json: &[u8]) -> Bytes {
    lay_out(version, NOWHERE, json)
}

impl<'a> Stored<'a> {
    /// The parts of `object` as it is stored.
    pub(crate) fn of(object: &'a Object) -> Result<Self, UnknownLayout> {
        Self::read(object.value())
    }

    fn read(bytes: &'a [u8]) -> Result<Self, UnknownLayout> {
        let [LAYOUT, length, rest @ ..] = bytes else { return Err(UnknownLayout) };
        let (version, rest) = rest.split_at_checked(usize::from(*length)).ok_or(UnknownLayout)?;
        let (place, json) = rest.split_first_chunk().ok_or(UnknownLayout)?;
        let place = u32::from_be_bytes(*place) as usize;
        let version = str::from_utf8(version).map_err(|_| UnknownLayout)?;
        if place >= json.len() || json[0] != b'{' {
            return Err(UnknownLayout);
        }
        Ok(Self { version, json, place })
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
        let bytes = store("v1", JSON.as_bytes());
        let stored = read(&bytes).unwrap();
        assert_eq!(stored.version, "v1");
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
    fn other_bytes_are_refused() {
        let bytes = store("v1", JSON.as_bytes());
        for cut in 0..bytes.len() - JSON.len() {
            assert_eq!(read(&bytes[..cut]).unwrap_err(), UnknownLayout, "cut at {cut}");
        }
        assert_eq!(read(JSON.as_bytes()).unwrap_err(), UnknownLayout);
    }
}
