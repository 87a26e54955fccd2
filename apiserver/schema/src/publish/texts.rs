//! Descriptions: upstream's of types and fields, found at build time, and our own of what upstream says elsewhere.
//!
//! The table of upstream's is kept packed and unpacked only while a document is made.

use std::collections::HashMap;
use std::io::Read as _;

use flate2::read::DeflateDecoder;

static PACKED: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptions.z"));

/// The type whose fields `apiVersion`, `kind` and `metadata` are described as those of every list are.
const LIKE_A_LIST: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.Status";

/// A field whose text the crate has put behind the type's, parted by an empty line.
const WATCHED: (&str, &str) = ("io.k8s.apimachinery.pkg.apis.meta.v1.WatchEvent", "object");

/// An empty line, escaped.
const EMPTY_LINE: &str = "\\n\\n";

/// The descriptions of a type: its own first, then its fields', all of them still escaped.
type Entry<'a> = (&'a str, Vec<(&'a str, &'a str)>);

/// The table, unpacked.
pub(super) struct Texts<'a> {
    types: HashMap<&'a str, Entry<'a>>,
}

/// The table's lines; for [`Texts::new`].
pub(super) fn unpack() -> String {
    let mut table = String::new();
    DeflateDecoder::new(PACKED).read_to_string(&mut table).expect("the build script packed a text");
    table
}

impl<'a> Texts<'a> {
    pub(super) fn new(table: &'a str) -> Self {
        let mut types = HashMap::new();
        let mut lines = table.lines().peekable();
        while let Some((name, own)) = lines.next().and_then(|line| line.split_once('\t')) {
            let mut fields = Vec::new();
            while let Some(field) = lines.next_if(|line| line.starts_with('\t')) {
                fields.extend(field[1..].split_once('\t'));
            }
            types.insert(name, (own, fields));
        }
        Self { types }
    }

    /// The description of a type.
    pub(super) fn of(&self, ty: &str) -> Option<String> {
        match self.types.get(ty) {
            Some((own, _)) if ty == WATCHED.0 => plain(own.split_once(EMPTY_LINE)?.0),
            Some((own, _)) => plain(own),
            None => short_name(ty).strip_suffix("List").map(|kind| format!("Objects of kind {kind}.")),
        }
    }

    /// The description of a type's field.
    pub(super) fn of_field(&self, ty: &str, field: &str) -> Option<String> {
        let of = |ty: &str| {
            self.types.get(ty)?.1.iter().find(|(name, _)| *name == field).and_then(|(_, text)| plain(text))
        };
        if (ty, field) == WATCHED {
            return plain(self.types.get(ty)?.0.split_once(EMPTY_LINE)?.1.trim_end_matches("\\n"));
        }
        if self.types.contains_key(ty) {
            return of(ty);
        }
        match field {
            "apiVersion" | "kind" | "metadata" => of(LIKE_A_LIST),
            "items" => Some("The objects.".to_owned()),
            _ => None,
        }
    }
}

fn short_name(ty: &str) -> &str {
    ty.rsplit('.').next().unwrap_or(ty)
}

/// The text that the build script has escaped to fit on a line.
fn plain(escaped: &str) -> Option<String> {
    let mut text = String::with_capacity(escaped.len());
    let mut characters = escaped.chars();
    while let Some(character) = characters.next() {
        text.push(match character {
            '\\' => match characters.next() {
                Some('n') => '\n',
                Some('t') => '\t',
                _ => '\\',
            },
            character => character,
        });
    }
    Some(text).filter(|text| !text.is_empty())
}
