//! Where a field is, as a chain of borrowed steps: building it costs nothing, only printing it does.

use std::fmt;

/// The way from an object's root to a field, such as `spec.containers[0].ports[1].name` or `metadata.labels[foo]`.
///
/// Each step borrows the one before. A name may itself be several with points between them: `child("spec.selector")`.
#[derive(Clone, Copy, Debug)]
pub struct Path<'a> {
    parent: Option<&'a Path<'a>>,
    step: Step<'a>,
}

#[derive(Clone, Copy, Debug)]
enum Step<'a> {
    Nowhere,
    Name(&'a str),
    Index(usize),
    Key(&'a str),
}

impl<'a> Path<'a> {
    /// No path at all: what upstream's messages show where nobody said which field is meant.
    pub const NOWHERE: Path<'static> = Path { parent: None, step: Step::Nowhere };

    /// The field `name` of the root.
    #[must_use]
    pub const fn new(name: &'a str) -> Self {
        Self { parent: None, step: Step::Name(name) }
    }

    /// The field `name` within this.
    #[must_use]
    pub const fn child<'b>(&'b self, name: &'b str) -> Path<'b> {
        Path { parent: Some(self), step: Step::Name(name) }
    }

    /// The item `index` of this list.
    #[must_use]
    pub const fn index<'b>(&'b self, index: usize) -> Path<'b> {
        Path { parent: Some(self), step: Step::Index(index) }
    }

    /// The entry `key` of this map.
    #[must_use]
    pub const fn key<'b>(&'b self, key: &'b str) -> Path<'b> {
        Path { parent: Some(self), step: Step::Key(key) }
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parent = match self.parent {
            None | Some(Path { step: Step::Nowhere, .. }) => None,
            parent => parent,
        };
        if let Some(parent) = parent {
            fmt::Display::fmt(parent, f)?;
        }
        match self.step {
            Step::Nowhere => f.write_str("<nil>"),
            // A field without a name is an entry without a key to upstream.
            Step::Name("") => f.write_str("[]"),
            Step::Name(name) if parent.is_some() => write!(f, ".{name}"),
            Step::Name(name) => f.write_str(name),
            Step::Index(index) => write!(f, "[{index}]"),
            Step::Key(key) => write!(f, "[{key}]"),
        }
    }
}
