//! Warnings on their way to a client: a header each, short enough together that nobody has to refuse them.

use std::borrow::Cow;

use http::header::WARNING;
use http::{HeaderMap, HeaderValue};

/// From how many characters together warnings are cut, and how long each may then be. Upstream's figures.
const TOGETHER_MAX: usize = 4096;
const CUT_TO: usize = 256;

/// Puts warnings into the head of an answer.
pub(crate) fn attach(warnings: &[String], headers: &mut HeaderMap) {
    // Upstream leaves out what a header cannot hold.
    let fit = || warnings.iter().filter(|text| !text.is_empty() && !text.contains(char::is_control));
    let is_cut = fit().map(|text| text.chars().count()).sum::<usize>() > TOGETHER_MAX;
    let mut room = TOGETHER_MAX;
    for text in fit() {
        if is_cut && room == 0 {
            return;
        }
        let text: Cow<'_, str> =
            if is_cut { text.chars().take(CUT_TO).collect::<String>().into() } else { text.into() };
        room = room.saturating_sub(text.chars().count());
        let quoted = text.replace('\\', "\\\\").replace('"', "\\\"");
        if let Ok(value) = HeaderValue::from_bytes(format!("299 - \"{quoted}\"").as_bytes()) {
            headers.append(WARNING, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attached(warnings: &[String]) -> Vec<String> {
        let mut headers = HeaderMap::new();
        attach(warnings, &mut headers);
        let texts = headers.get_all(WARNING).iter();
        texts.map(|value| String::from_utf8(value.as_bytes().to_vec()).unwrap()).collect()
    }

    #[test]
    fn warnings_are_quoted_and_what_no_header_holds_is_left_out() {
        let warnings = [r#"unknown field "a\b""#, "two\nlines", "", "ü"].map(str::to_owned);
        assert_eq!(attached(&warnings), [r#"299 - "unknown field \"a\\b\"""#, "299 - \"ü\""]);
    }

    #[test]
    fn many_warnings_are_cut() {
        let long = "x".repeat(300);
        assert_eq!(attached(&vec![long.clone(); 13])[0].len(), "299 - \"\"".len() + 300);
        let cut = attached(&vec![long; 20]);
        assert_eq!(cut.len(), 16);
        assert!(cut.iter().all(|text| text.len() == "299 - \"\"".len() + 256));
    }
}
