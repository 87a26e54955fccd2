//! What whoever starts the server decides about tokens: who makes them, whose are believed, how long they are good.

use super::ISSUER;

/// The shortest and the longest that a longest time may be, in seconds. Upstream's figures.
const LONGEST_SECONDS: std::ops::RangeInclusive<i64> = 3600..=1 << 32;

/// How tokens are made, and which are believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenRules {
    /// Who makes tokens, as they say themselves: the first makes new ones, those of all are believed.
    issuers: Vec<String>,
    /// Whom tokens are for that say nothing; the issuers, if empty.
    audiences: Vec<String>,
    /// The longest that a token is good, in seconds, if there is a bound.
    longest: Option<i64>,
    /// Whether pods' tokens are good for longer than asked, for clients that do not know yet that they end.
    extends: bool,
}

impl Default for TokenRules {
    fn default() -> Self {
        Self { issuers: vec![ISSUER.to_owned()], audiences: Vec::new(), longest: None, extends: true }
    }
}

impl TokenRules {
    /// The same with other issuers.
    ///
    /// # Errors
    /// In upstream's words, if one is empty or named twice, or if there is none.
    pub fn with_issuers(self, issuers: Vec<String>) -> Result<Self, String> {
        for (index, issuer) in issuers.iter().enumerate() {
            if issuer.is_empty() {
                return Err("service-account-issuer should not be an empty string".into());
            }
            if issuers[..index].contains(issuer) {
                return Err(format!("service-account-issuer {issuer:?} is already specified"));
            }
        }
        if issuers.is_empty() {
            return Err("service-account-issuer is a required flag".into());
        }
        Ok(Self { issuers, ..self })
    }

    /// The same, for others than the issuers.
    #[must_use]
    pub fn with_audiences(self, audiences: Vec<String>) -> Self {
        Self { audiences, ..self }
    }

    /// The same with a longest time in seconds; 0 is none.
    ///
    /// # Errors
    /// In upstream's words, if it is too short or too long.
    pub fn with_longest(self, seconds: i64) -> Result<Self, String> {
        if seconds != 0 && !LONGEST_SECONDS.contains(&seconds) {
            return Err(
                "the service-account-max-token-expiration must be between 1 hour and 2^32 seconds".into()
            );
        }
        Ok(Self { longest: (seconds != 0).then_some(seconds), ..self })
    }

    /// The same, whose tokens for pods are good for no longer than asked.
    #[must_use]
    pub fn without_extension(self) -> Self {
        Self { extends: false, ..self }
    }

    /// Who makes new tokens.
    #[must_use]
    pub fn issuer(&self) -> &str {
        self.issuers.first().map_or(ISSUER, String::as_str)
    }

    /// Whether tokens of this issuer are believed.
    pub(crate) fn believes(&self, issuer: &str) -> bool {
        self.issuers.iter().any(|one| one == issuer)
    }

    /// Whom tokens are for that say nothing: this server.
    pub(crate) fn audiences(&self) -> &[String] {
        if self.audiences.is_empty() { &self.issuers } else { &self.audiences }
    }

    /// The longest that a token is good, in seconds.
    pub(crate) fn longest(&self) -> Option<i64> {
        self.longest
    }

    /// Whether pods' tokens are good for longer than asked.
    pub(crate) fn extends(&self) -> bool {
        self.extends
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_issuer_makes_and_all_are_believed() {
        let rules = TokenRules::default().with_issuers(vec!["https://a".into(), "b".into()]).unwrap();
        assert_eq!(rules.issuer(), "https://a");
        assert!(rules.believes("b") && !rules.believes(ISSUER));
        assert_eq!(rules.audiences(), ["https://a", "b"]);
        assert_eq!(rules.with_audiences(vec!["c".into()]).audiences(), ["c"]);
    }

    #[test]
    fn what_cannot_be_is_refused_in_upstreams_words() {
        let refused = |issuers: &[&str]| {
            TokenRules::default()
                .with_issuers(issuers.iter().map(|one| (*one).to_owned()).collect())
                .unwrap_err()
        };
        assert_eq!(refused(&["a", ""]), "service-account-issuer should not be an empty string");
        assert_eq!(refused(&["a", "a"]), "service-account-issuer \"a\" is already specified");
        assert_eq!(refused(&[]), "service-account-issuer is a required flag");
        for (seconds, is_right) in
            [(0, true), (3599, false), (3600, true), (1 << 32, true), ((1 << 32) + 1, false)]
        {
            assert_eq!(TokenRules::default().with_longest(seconds).is_ok(), is_right, "{seconds}");
        }
    }
}
