//! Small languages: selectors, quantities, times.

use keelson_api::quantity::{self, Quantity};
use keelson_api::selector::{field, label};
use keelson_schema::scalar::time::{Precision, Time};

use crate::{fuzz, must, seeds};

#[test]
fn selectors_quantities_and_times() {
    fuzz(60_000, seeds::SELECTORS, |input| {
        let Ok(text) = str::from_utf8(input) else { return Ok("no text".to_owned()) };
        let Some((kind, text)) = text.split_at_checked(1) else { return Ok("nothing".to_owned()) };
        match kind {
            "0" => label_selector(text),
            "1" => field_selector(text),
            "2" => quantity(text),
            _ => time(text),
        }
    });
}

fn label_selector(text: &str) -> Result<String, String> {
    let selector = match label::Selector::parse(text) {
        Ok(selector) => selector,
        Err(error) => return Ok(error.to_string()),
    };
    let shown = selector.to_string();
    let again = label::Selector::parse(&shown).map_err(|error| format!("{shown:?} is shown: {error}"))?;
    must(again.to_string() == shown, || format!("{shown:?} becomes {again}"))?;
    let labels = |key: &str| key.len().is_multiple_of(2).then_some("b");
    must(again.matches(labels) == selector.matches(labels), || format!("{shown:?} selects otherwise"))?;
    Ok(format!("{} requirements", selector.requirements().len().min(5)))
}

fn field_selector(text: &str) -> Result<String, String> {
    let selector = match field::Selector::parse(text) {
        Ok(selector) => selector,
        Err(error) => return Ok(error.to_string()),
    };
    let shown = selector.to_string();
    let again = field::Selector::parse(&shown).map_err(|error| format!("{shown:?} is shown: {error}"))?;
    must(again == selector, || format!("{shown:?} becomes {again}"))?;
    Ok(format!("{} terms", "x".repeat(selector.terms().len().min(5))))
}

fn quantity(text: &str) -> Result<String, String> {
    let canonical = match quantity::rewrite(text) {
        Ok(canonical) => canonical.unwrap_or_else(|| text.to_owned()),
        Err(error) => return Ok(error.to_string()),
    };
    let [before, after]: [Quantity; 2] =
        [text, &canonical].map(|text| text.parse().expect("it was read just now"));
    must(before.cmp(&after).is_eq(), || format!("{text} becomes {canonical}"))?;
    let again = quantity::rewrite(&canonical).map_err(|error| format!("{canonical}: {error}"))?;
    must(again.is_none(), || format!("{canonical} becomes {again:?}"))?;
    Ok(format!("a quantity {:?}", before.format()))
}

fn time(text: &str) -> Result<String, String> {
    let read = [Precision::Seconds, Precision::Micros].map(|precision| Time::parse(text, precision));
    Ok(read.map(|time| time.map_or_else(|error| error.to_string(), |_| "a time".to_owned())).join(", "))
}
