//! Where in an object something is: a chain of steps on the stack, turned into text only when somebody is told.

use std::fmt::{self, Write as _};

use crate::arena::StructRef;

/// One step into a value.
#[derive(Clone, Copy)]
pub enum Step<'a> {
    /// Into a struct's field.
    Field(StructRef<'a>, u16),
    /// Into a list's item.
    Index(usize),
    /// Into a map's entry.
    Key(&'a str),
    /// Into a member of an object without a schema.
    Member(&'a str),
}

/// The way from the object to here. Shown as upstream's `field.Path`: `spec.containers[0].name`, `labels[app]`.
#[derive(Clone, Copy)]
pub struct Path<'a> {
    parent: Option<&'a Path<'a>>,
    step: Step<'a>,
}

impl<'a> Path<'a> {
    /// One step further than `parent`.
    #[must_use]
    pub fn new(parent: Option<&'a Path<'a>>, step: Step<'a>) -> Self {
        Self { parent, step }
    }

    /// The last step.
    #[must_use]
    pub fn step(&self) -> Step<'a> {
        self.step
    }

    /// The path without its last step.
    #[must_use]
    pub fn parent(&self) -> Option<&'a Path<'a>> {
        self.parent
    }

    fn steps(&self) -> Vec<Step<'a>> {
        let mut steps = vec![self.step];
        let mut at = self.parent;
        while let Some(path) = at {
            steps.push(path.step);
            at = path.parent;
        }
        steps.reverse();
        steps
    }

    /// The path as strict decoding writes it: a map's keys look like fields.
    pub(crate) fn strict_text(path: Option<&Self>) -> String {
        let mut text = String::new();
        for step in path.map(Self::steps).unwrap_or_default() {
            match step {
                Step::Field(of, index) => dotted(&mut text, of.field(index).name()),
                Step::Key(key) | Step::Member(key) => dotted(&mut text, key),
                Step::Index(index) => {
                    // A String takes everything.
                    let _ = write!(text, "[{index}]");
                }
            }
        }
        text
    }

    /// The innermost struct, and the fields from the object to here, embedded structs named, as Go's JSON errors
    /// write them: `PodSpec` and `spec.containers`.
    pub(crate) fn go_context(path: Option<&Self>) -> Option<(String, String)> {
        let mut fields = String::new();
        let mut innermost = None;
        for step in path.map(Self::steps).unwrap_or_default() {
            if let Step::Field(of, index) = step {
                let field = of.field(index);
                dotted(&mut fields, field.embedded());
                fields.push_str(field.name());
                innermost = Some(of.ty().short_name().to_owned());
            }
        }
        innermost.map(|innermost| (innermost, fields))
    }
}

fn dotted(text: &mut String, name: &str) {
    if !text.is_empty() {
        text.push('.');
    }
    text.push_str(name);
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, step) in self.steps().into_iter().enumerate() {
            let point = if at > 0 { "." } else { "" };
            match step {
                Step::Field(of, index) => write!(f, "{point}{}", of.field(index).name())?,
                Step::Member(name) => write!(f, "{point}{name}")?,
                Step::Index(index) => write!(f, "[{index}]")?,
                Step::Key(key) => write!(f, "[{key}]")?,
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
