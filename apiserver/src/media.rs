//! In which form a body comes, and in which form the answer goes: what `Content-Type` and `Accept` say.

use std::borrow::Cow;

/// An encoding of objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Encoding {
    Json,
    Yaml,
    Protobuf,
}

impl Encoding {
    /// In the order in which they are preferred and listed to those who ask for something else.
    const ALL: [Self; 3] = [Self::Json, Self::Yaml, Self::Protobuf];

    /// Its media type.
    pub(crate) const fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Yaml => "application/yaml",
            Self::Protobuf => "application/vnd.kubernetes.protobuf",
        }
    }

    /// The media type of its streams; YAML has none.
    pub(crate) const fn stream_type(self) -> Option<&'static str> {
        match self {
            Self::Json => Some("application/json"),
            Self::Yaml => None,
            Self::Protobuf => Some("application/vnd.kubernetes.protobuf;stream=watch"),
        }
    }

    /// The encoding of a body with this `Content-Type`; JSON where there is none.
    pub(crate) fn of_body(content_type: Option<&str>) -> Option<Self> {
        let Some(content_type) = content_type.filter(|text| !text.is_empty()) else {
            return Some(Self::Json);
        };
        let (media_type, _) = parameters(content_type);
        Self::ALL.into_iter().find(|encoding| media_type.eq_ignore_ascii_case(encoding.media_type()))
    }
}

/// What an object is turned into on its way out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Conversion {
    pub(crate) group: String,
    pub(crate) version: String,
    pub(crate) kind: String,
}

/// The form of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Form {
    pub(crate) encoding: Encoding,
    /// What objects are turned into; nothing if they are wanted as they are.
    pub(crate) conversion: Option<Conversion>,
    /// Whether a person will look at it.
    pub(crate) pretty: bool,
    /// The parameters of the accepted clause that choose nothing here, such as `profile`.
    pub(crate) as_is: bool,
}

/// Decides on the form of an answer: the first clause of `Accept`, by weight, that `takes` agrees to.
pub(crate) fn negotiate(
    accept: Option<&str>,
    takes: impl Fn(Encoding, Option<&Conversion>) -> bool,
) -> Option<Form> {
    let Some(accept) = accept.filter(|text| !text.is_empty()) else {
        return Some(Form { encoding: Encoding::Json, conversion: None, pretty: false, as_is: true });
    };
    let mut clauses: Vec<Clause<'_>> = accept.split(',').filter_map(Clause::parse).collect();
    clauses.sort_by(Clause::order);
    clauses.iter().find_map(|clause| {
        Encoding::ALL.into_iter().filter(|encoding| clause.covers(*encoding)).find_map(|encoding| {
            let form = clause.form(encoding)?;
            takes(encoding, form.conversion.as_ref()).then_some(form)
        })
    })
}

/// One of the alternatives in an `Accept` header.
struct Clause<'a> {
    kind: &'a str,
    subkind: &'a str,
    weight: f32,
    parameters: Vec<(&'a str, Cow<'a, str>)>,
}

impl<'a> Clause<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let (media_type, mut parameters) = parameters(text);
        let (kind, subkind) = if media_type == "*" { ("*", "*") } else { media_type.split_once('/')? };
        let weight = parameters
            .iter()
            .find(|(name, _)| *name == "q")
            .map_or(Some(1.0), |(_, weight)| weight.parse().ok());
        parameters.retain(|(name, _)| *name != "q");
        Some(Self { kind: kind.trim(), subkind: subkind.trim(), weight: weight.unwrap_or(1.0), parameters })
    }

    /// Heavier clauses first, then those that say more.
    fn order(&self, other: &Self) -> std::cmp::Ordering {
        let vague = |clause: &Self| (clause.kind == "*", clause.subkind == "*");
        other.weight.total_cmp(&self.weight).then(vague(self).cmp(&vague(other)))
    }

    fn covers(&self, encoding: Encoding) -> bool {
        let subkind = encoding.media_type().trim_start_matches("application/");
        matches!((self.kind, self.subkind), ("*", "*") | ("application", "*"))
            || (self.kind == "application" && self.subkind == subkind)
    }

    fn form(&self, encoding: Encoding) -> Option<Form> {
        let mut form = Form { encoding, conversion: None, pretty: false, as_is: true };
        for (name, value) in &self.parameters {
            let conversion =
                || Conversion { group: String::new(), version: String::new(), kind: String::new() };
            match *name {
                "as" => form.conversion.get_or_insert_with(conversion).kind = value.to_string(),
                "g" => form.conversion.get_or_insert_with(conversion).group = value.to_string(),
                "v" => form.conversion.get_or_insert_with(conversion).version = value.to_string(),
                "pretty" => form.pretty = value == "1",
                "stream" if !value.is_empty() && (value != "watch" || encoding.stream_type().is_none()) => {
                    return None;
                }
                "sv" if !value.is_empty() => return None,
                _ => {}
            }
        }
        form.as_is = form.conversion.is_none();
        Some(form)
    }
}

/// A media type and its parameters.
fn parameters(text: &str) -> (&str, Vec<(&str, Cow<'_, str>)>) {
    let mut parts = text.split(';');
    let media_type = parts.next().unwrap_or_default().trim();
    let parameters = parts.filter_map(|part| {
        let (name, value) = part.split_once('=')?;
        // Quotes stay: upstream does not know what they are for.
        Some((name.trim(), Cow::Borrowed(value.trim())))
    });
    (media_type, parameters.collect())
}
