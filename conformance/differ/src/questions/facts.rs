//! The facts of types, as questions need them: what a field is, and which fields there are.

use serde_json::{Map, Value as Json};

const TYPES: &str = include_str!("../../../../apiserver/schema/facts/types.json");

/// All published types.
pub(super) struct Facts(Map<String, Json>);

/// What a field is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Shape<'a> {
    /// Fields of this type
    Struct(&'a str),
    /// A list of these
    List(&'a Json),
    /// Names with these
    Map(&'a Json),
    /// Text; one of these, if there are any
    Text(&'a [Json]),
    /// Base64
    Bytes,
    /// A point in time
    Time,
    /// A quantity
    Quantity,
    /// A whole number
    Number,
    /// Either
    Bool,
    /// A number, or text that may be one of percent
    IntOrText,
    /// Anything
    Open,
}

impl Facts {
    /// Those of the schema.
    pub(super) fn read() -> Self {
        let mut facts: Json = serde_json::from_str(TYPES).expect("JSON of facts");
        match facts["types"].take() {
            Json::Object(types) => Self(types),
            _ => Self(Map::new()),
        }
    }

    /// The type of objects of a kind.
    pub(super) fn kind(&self, version: &str, kind: &str) -> Option<Shape<'_>> {
        let (group, version) = version.split_once('/').unwrap_or(("", version));
        let named = |gvk: &Json| gvk[0] == group && gvk[1] == version && gvk[2] == kind;
        let is = |fact: &Json| fact["gvk"].as_array().is_some_and(|all| all.iter().any(named));
        self.0.iter().find(|(_, fact)| is(fact)).map(|(name, _)| Shape::Struct(name))
    }

    /// The types of objects of a kind, in all of its versions.
    #[cfg(test)]
    pub(super) fn versions_of(&self, group: &str, kind: &str) -> Vec<Shape<'_>> {
        let named = |gvk: &Json| gvk[0] == group && gvk[2] == kind;
        let is = |fact: &Json| fact["gvk"].as_array().is_some_and(|all| all.iter().any(named));
        self.0.iter().filter(|(_, fact)| is(fact)).map(|(name, _)| Shape::Struct(name)).collect()
    }

    /// The fields of a structure, with what they are.
    pub(super) fn fields<'a>(&'a self, shape: Shape<'a>) -> Vec<(&'a str, Shape<'a>)> {
        let Shape::Struct(name) = shape else { return Vec::new() };
        let fields = self.0.get(name).and_then(|fact| fact["fields"].as_object());
        let mut fields: Vec<_> =
            fields.into_iter().flatten().map(|(name, fact)| (name.as_str(), self.shape(fact))).collect();
        fields.sort_by_key(|(name, _)| *name);
        fields
    }

    /// What the field of this name is.
    pub(super) fn field<'a>(&'a self, shape: Shape<'a>, name: &str) -> Option<Shape<'a>> {
        self.fields(shape).into_iter().find(|(field, _)| *field == name).map(|(_, shape)| shape)
    }

    /// What a fact speaks of.
    pub(super) fn shape<'a>(&'a self, fact: &'a Json) -> Shape<'a> {
        if let Some((name, fact)) = fact["ref"].as_str().and_then(|name| self.0.get_key_value(name)) {
            return match name.rsplit('.').next().unwrap_or_default() {
                "Quantity" => Shape::Quantity,
                "IntOrString" => Shape::IntOrText,
                _ if fact["fields"].is_object() => Shape::Struct(name),
                _ => self.shape(fact),
            };
        }
        let format = fact["format"].as_str().unwrap_or_default();
        match fact["type"].as_str().unwrap_or_default() {
            "array" => Shape::List(&fact["items"]),
            "object" if fact["map"].is_object() => Shape::Map(&fact["map"]),
            "string" if format == "byte" => Shape::Bytes,
            "string" if format == "date-time" => Shape::Time,
            "string" => Shape::Text(fact["enum"].as_array().map(Vec::as_slice).unwrap_or_default()),
            "integer" | "number" => Shape::Number,
            "boolean" => Shape::Bool,
            _ => Shape::Open,
        }
    }
}
