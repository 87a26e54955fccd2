//! Options of lists and watches, and which state a list is to show.

use super::ResourceVersionMatch;
use crate::field::{Error, Errors, Path, Value};
use crate::resource_version::ResourceVersion;
use crate::status::Status;

/// What a list, a watch or a deletion of many asks for. Selectors have their own parsers.
#[derive(Clone, Copy, Debug, Default)]
pub struct ListOptions<'a> {
    /// Changes rather than a list.
    pub watch: bool,
    /// The state meant; empty if nothing was said.
    pub resource_version: &'a str,
    /// How it is meant; empty if nothing was said.
    pub resource_version_match: &'a str,
    /// How many objects at once; zero for all.
    pub limit: i64,
    /// Where the last page ended; empty for the first.
    pub continue_token: &'a str,
    /// Whether a watch begins with the objects there are.
    pub send_initial_events: Option<bool>,
}

impl ListOptions<'_> {
    /// With what a watch means that says nothing or `0`: to be sent the objects there are first.
    #[must_use]
    pub fn with_defaults(mut self) -> Self {
        let says_nothing = matches!(self.resource_version, "" | "0")
            && self.resource_version_match.is_empty()
            && self.send_initial_events.is_none();
        if self.watch && says_nothing {
            self.send_initial_events = Some(true);
            self.resource_version_match = ResourceVersionMatch::NotOlderThan.as_str();
        }
        self
    }

    /// What makes no sense together.
    #[must_use]
    pub fn check(&self) -> Errors {
        let mut errors = Errors::new();
        if self.watch {
            self.check_watch(&mut errors);
        } else {
            self.check_list(&mut errors);
        }
        errors
    }

    fn check_list(&self, errors: &mut Errors) {
        if !self.resource_version_match.is_empty() {
            let mut forbid = |words| errors.push(Error::forbidden(&MATCH, words));
            if self.resource_version.is_empty() {
                forbid("resourceVersionMatch is forbidden unless resourceVersion is provided");
            }
            if !self.continue_token.is_empty() {
                forbid("resourceVersionMatch is forbidden when continue is provided");
            }
            match self.parsed_match() {
                None => self.push_unsupported_match(&["Exact", "NotOlderThan", ""], errors),
                Some(ResourceVersionMatch::Exact) if self.resource_version == "0" => {
                    forbid("resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"");
                }
                Some(_) => {}
            }
        }
        if self.send_initial_events.is_some() {
            let words = "sendInitialEvents is forbidden for list";
            errors.push(Error::forbidden(&Path::new("sendInitialEvents"), words));
        }
    }

    fn check_watch(&self, errors: &mut Errors) {
        let is_not_older_than = self.parsed_match() == Some(ResourceVersionMatch::NotOlderThan);
        if self.send_initial_events.is_some() && !is_not_older_than {
            let words = "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan";
            errors.push(Error::forbidden(&MATCH, words));
        }
        if self.resource_version_match.is_empty() {
            return;
        }
        if self.send_initial_events.is_none() {
            let words = "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided";
            errors.push(Error::forbidden(&MATCH, words));
        }
        if !is_not_older_than {
            self.push_unsupported_match(&["NotOlderThan"], errors);
        }
        if !self.continue_token.is_empty() {
            let words = "resourceVersionMatch is forbidden when continue is provided";
            errors.push(Error::forbidden(&MATCH, words));
        }
    }

    fn parsed_match(&self) -> Option<ResourceVersionMatch> {
        ResourceVersionMatch::parse(self.resource_version_match)
    }

    fn push_unsupported_match(&self, supported: &[&str], errors: &mut Errors) {
        errors.push(Error::not_supported(&MATCH, Value::Named(self.resource_version_match), supported));
    }

    /// Which state a list shows, if the options have passed [`Self::check`]. With a continue token, the token says so.
    ///
    /// # Errors
    /// If the resource version is no number, or stands beside a continue token.
    pub fn read_at(&self) -> Result<ReadAt, Status> {
        if !self.continue_token.is_empty() {
            return match self.resource_version {
                "" | "0" => Ok(ReadAt::Token),
                _ => {
                    let words = "specifying resource version is not allowed when using continue";
                    Err(Status::bad_request(words))
                }
            };
        }
        let version = ResourceVersion::parse(self.resource_version)
            .map_err(|error| Status::bad_request(format!("invalid resource version: {error}")))?;
        Ok(match (version, self.parsed_match()) {
            (ResourceVersion::Unset, _) => ReadAt::Latest,
            (ResourceVersion::Any, _) => ReadAt::Any,
            (ResourceVersion::At(version), Some(ResourceVersionMatch::Exact)) => ReadAt::Exact(version),
            // Pages are frozen: the first one shows the state the others will.
            (ResourceVersion::At(version), None) if self.limit > 0 => ReadAt::Exact(version),
            (ResourceVersion::At(version), _) => ReadAt::NotOlderThan(version),
        })
    }
}

const MATCH: Path<'static> = Path::new("resourceVersionMatch");

/// The state a list shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadAt {
    /// The latest there is when the request comes.
    Latest,
    /// Whatever is at hand.
    Any,
    /// This one or a later one.
    NotOlderThan(u64),
    /// This one.
    Exact(u64),
    /// The one the continue token names.
    Token,
}
