//! Selectors and labels as the text that stands in a cell.

use keelson_api::selector::label::{Expression, Selector};
use keelson_schema::tree::{Value, View};

use super::NONE;

/// A map of labels, as `a=b,c=d`.
pub(crate) fn labels(view: View<'_>) -> String {
    let entries = view.value().and_then(Value::as_map).into_iter().flat_map(|entries| entries.iter());
    let pairs: Vec<String> =
        entries.map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default())).collect();
    if pairs.is_empty() { NONE.into() } else { pairs.join(",") }
}

/// A label selector in canonical form. Everything and nothing look alike.
pub(crate) fn selector(view: View<'_>) -> String {
    let entries = view.field("matchLabels").value().and_then(Value::as_map);
    let labels = entries.into_iter().flat_map(|entries| entries.iter());
    let labels = labels.map(|(key, value)| (key.as_str(), value.as_str().unwrap_or_default()));
    let expressions: Vec<_> = view
        .field("matchExpressions")
        .items()
        .map(|item| {
            let values: Vec<&str> = item.field("values").items().map(View::text).collect();
            (item.field("key").text(), item.field("operator").text(), values)
        })
        .collect();
    let expressions = expressions.iter().map(|(key, operator, values)| Expression { key, operator, values });
    match Selector::from_parts(labels, expressions) {
        Ok(selector) => Some(selector.to_string()).filter(|text| !text.is_empty()).unwrap_or(NONE.into()),
        Err(_) => "<error>".into(),
    }
}

#[cfg(test)]
mod tests {
    use crate::resource::check::object;

    fn check(selector: &str, expected: &str) {
        let json = format!(
            r#"{{"kind":"Deployment","apiVersion":"apps/v1","metadata":{{"name":"a"}},"spec":{{"selector":{selector}}}}}"#
        );
        assert_eq!(super::selector(object(&json).view().path("spec.selector")), expected);
    }

    #[test]
    fn selectors_are_written_by_key() {
        check("null", "<none>");
        check("{}", "<none>");
        check(r#"{"matchLabels":{"b":"2","a":"1"}}"#, "a=1,b=2");
        check(
            r#"{"matchLabels":{"m":"1"},"matchExpressions":[{"key":"z","operator":"Exists"},{"key":"a","operator":"In","values":["y","x"]},{"key":"n","operator":"DoesNotExist"}]}"#,
            "a in (x,y),m=1,!n,z",
        );
        check(r#"{"matchExpressions":[{"key":"a","operator":"Near","values":["y"]}]}"#, "<error>");
    }
}
