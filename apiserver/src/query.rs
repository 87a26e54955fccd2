//! What stands behind the question mark.

use std::borrow::Cow;

/// The parameters of a request, in order, percent signs resolved.
#[derive(Clone, Debug, Default)]
pub(crate) struct Query<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

/// A parameter is no whole number. The words are upstream's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("strconv.ParseInt: parsing {}: {}", keelson_schema::scalar::quote::quote(.0), if *.1 { "value out of range" } else { "invalid syntax" })]
pub(crate) struct NotANumber(String, bool);

impl<'a> Query<'a> {
    /// Reads the text behind the question mark.
    pub(crate) fn parse(text: Option<&'a str>) -> Self {
        Self(form_urlencoded::parse(text.unwrap_or_default().as_bytes()).collect())
    }

    /// The first value of `name`; empty where there is none.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.first(name).unwrap_or_default()
    }

    /// The first value of `name`.
    pub(crate) fn first(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// All values of `name`.
    pub(crate) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(has, _)| has == name).map(|(_, value)| &**value)
    }

    /// Whether `name` is set: to anything but a word for no. Nothing where it is not given at all.
    pub(crate) fn truth(&self, name: &str) -> Option<bool> {
        self.first(name).map(|value| !value.eq_ignore_ascii_case("false") && value != "0")
    }

    /// The whole number that `name` is.
    pub(crate) fn number(&self, name: &str) -> Result<Option<i64>, NotANumber> {
        let Some(text) = self.first(name) else { return Ok(None) };
        let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
        let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        text.parse().map(Some).map_err(|_| NotANumber(text.to_owned(), is_number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_read_as_upstream_reads_them() {
        let query = Query::parse(Some("a=1&b=False&c&d=x%20y&a=2&e=-5&f=9223372036854775808&g=0&h=1x"));
        assert_eq!(query.text("a"), "1");
        assert_eq!(query.all("a").collect::<Vec<_>>(), ["1", "2"]);
        assert_eq!(query.text("d"), "x y");
        assert_eq!(
            ["a", "b", "c", "g", "z"].map(|name| query.truth(name)),
            [Some(true), Some(false), Some(true), Some(false), None]
        );
        assert_eq!(query.number("e"), Ok(Some(-5)));
        assert_eq!(query.number("z"), Ok(None));
        assert_eq!(
            query.number("c").unwrap_err().to_string(),
            "strconv.ParseInt: parsing \"\": invalid syntax"
        );
        assert_eq!(
            query.number("f").unwrap_err().to_string(),
            "strconv.ParseInt: parsing \"9223372036854775808\": value out of range"
        );
        assert_eq!(
            query.number("h").unwrap_err().to_string(),
            "strconv.ParseInt: parsing \"1x\": invalid syntax"
        );
    }
}
