//! Which objects of a resource a request is about: label and field selectors, judged on the stored form.

use std::borrow::Cow;

use keelson_api::selector::{field, label};
use keelson_store::object::Object;

use crate::resource::Facts;
use crate::stored::{Stored, scan};

/// Selectors of one request. Field selectors name paths in the stored object.
#[derive(Clone, Debug)]
pub(crate) struct Selection {
    pub(crate) labels: label::Selector,
    pub(crate) fields: field::Selector,
}

impl Selection {
    /// Whether every object is selected.
    pub(crate) fn is_everything(&self) -> bool {
        self.labels.is_everything() && self.fields.is_everything()
    }

    /// Whether this object is.
    pub(crate) fn matches(&self, facts: &Facts, object: &Object, stored: &Stored<'_>) -> bool {
        self.fields_match(facts, object, stored) && self.labels_match(stored)
    }

    fn labels_match(&self, stored: &Stored<'_>) -> bool {
        self.labels.is_everything()
            || self
                .labels
                .matches(|key| scan::labels(stored.json).find(|(has, _)| *has == key).map(|(_, value)| value))
    }

    fn fields_match(&self, facts: &Facts, object: &Object, stored: &Stored<'_>) -> bool {
        self.fields.is_everything()
            || self.fields.matches(|path| Some(field_value(facts, object, stored, path)))
    }
}

/// The text that a field counts as.
pub(crate) fn field_value<'a>(
    facts: &Facts,
    object: &'a Object,
    stored: &Stored<'a>,
    path: &str,
) -> Cow<'a, str> {
    match path {
        "metadata.name" => return Cow::Borrowed(object.name()),
        "metadata.namespace" => return Cow::Borrowed(object.namespace()),
        _ => {}
    }
    let text_at = |path: &str| scan::text(stored.json, &path.split('.').collect::<Vec<_>>());
    let field = facts.fields.iter().find(|field| field.path == path);
    let found = match field.map_or(&[][..], |field| field.stands_at) {
        [] => text_at(path),
        places => places.iter().find_map(|place| text_at(place).filter(|text| !text.is_empty())),
    };
    found.unwrap_or_else(|| Cow::Owned(field.map_or("", |field| field.absent).to_owned()))
}
