//! Acting as somebody else, as headers ask for it.

use std::fmt::Write;
use std::sync::Arc;

use http::HeaderMap;
use keelson_api::group::GroupResource;
use keelson_api::status::Status;
use keelson_schema::scalar::quote::quote;

use crate::caller::{ANONYMOUS, AUTHENTICATED, Caller, Extra, UNAUTHENTICATED};
use crate::problem::Problem;
use crate::{refusal, tokens};

const USER: &str = "impersonate-user";
const GROUP: &str = "impersonate-group";
const UID: &str = "impersonate-uid";
const EXTRA: &str = "impersonate-extra-";
const NODE: &str = "system:node:";

/// Whom `caller` acts as. Whoever is known may act as anybody, until there are rules to ask.
pub(crate) fn acting_as(caller: Arc<Caller>, headers: &HeaderMap) -> Result<Arc<Caller>, Problem> {
    // Hardly anybody asks for it, and nobody else is to pay for it.
    if !headers.keys().any(|name| name.as_str().starts_with("impersonate-")) {
        return Ok(caller);
    }
    let wanted = Wanted::read(headers);
    if wanted.name.is_empty() {
        let asks = !wanted.uid.is_empty() || !wanted.groups.is_empty() || !wanted.extra.is_empty();
        return if asks { Err(refusal::bad_request(&wanted.without_name())) } else { Ok(caller) };
    }
    if caller.is_anonymous() {
        let words = format!(
            "User {} cannot impersonate resource \"users\" in API group \"\" at the cluster scope",
            quote(&caller.name)
        );
        return Err(Status::forbidden(&GroupResource::new("", "users"), &wanted.name, words).into());
    }
    tracing::debug!(caller = &*caller.name, wanted = wanted.name, "acts as somebody else");
    Ok(Arc::new(wanted.user()))
}

/// Whom the headers name.
#[derive(Default)]
struct Wanted {
    name: String,
    uid: String,
    groups: Vec<String>,
    extra: Extra,
}

impl Wanted {
    fn read(headers: &HeaderMap) -> Self {
        let mut wanted = Self::default();
        for (name, value) in headers {
            let text = String::from_utf8_lossy(value.as_bytes()).into_owned();
            match name.as_str() {
                // Of what can be said once, what is said first counts.
                USER if wanted.name.is_empty() => wanted.name = text,
                UID if wanted.uid.is_empty() => wanted.uid = text,
                GROUP => wanted.groups.push(text),
                name => {
                    if let Some(key) = name.strip_prefix(EXTRA) {
                        wanted.extra.entry(unescape(key).into()).or_default().push(text.into());
                    }
                }
            }
        }
        wanted
    }

    /// The user, in the groups that were named, or else in those that a user of its kind is in by its nature.
    fn user(self) -> Caller {
        let mut groups = self.groups;
        let is_bare = groups.is_empty() && self.uid.is_empty() && self.extra.is_empty();
        if let Some((namespace, _)) = tokens::split_user_name(&self.name).filter(|_| groups.is_empty()) {
            groups.extend(tokens::groups(namespace));
        } else if is_bare && self.name.strip_prefix(NODE).is_some_and(|node| !node.is_empty()) {
            groups.push("system:nodes".into());
        }
        let has = |groups: &[String], wanted: &str| groups.iter().any(|group| group == wanted);
        let added = match &*self.name {
            ANONYMOUS => Some(UNAUTHENTICATED),
            _ if has(&groups, UNAUTHENTICATED) => None,
            _ => Some(AUTHENTICATED),
        };
        if let Some(added) = added.filter(|added| !has(&groups, added)) {
            groups.push(added.into());
        }
        Caller::new(&self.name, groups.iter().map(|group| Arc::from(group.as_str())).collect())
            .with_uid(&self.uid)
            .with_extra(self.extra)
    }

    /// What is wrong where no name is given. Upstream shows its own type.
    fn without_name(&self) -> String {
        let list = |values: &mut dyn Iterator<Item = &str>| -> String {
            values.map(quote).collect::<Vec<_>>().join(", ")
        };
        let groups = match self.groups.is_empty() {
            true => "(nil)".to_owned(),
            false => format!("{{{}}}", list(&mut self.groups.iter().map(String::as_str))),
        };
        let mut extra = String::new();
        for (key, values) in &self.extra {
            let values = list(&mut values.iter().map(|value| &**value));
            let sign = if extra.is_empty() { "" } else { ", " };
            // Writing to a string does not fail.
            _ = write!(extra, "{sign}{}:[]string{{{values}}}", quote(key));
        }
        let extra = if extra.is_empty() { "(nil)".to_owned() } else { format!("{{{extra}}}") };
        format!(
            "requested &user.DefaultInfo{{Name:\"\", UID:{}, Groups:[]string{groups}, Extra:map[string][]string{extra}}} without impersonating a user name",
            quote(&self.uid)
        )
    }
}

/// The key in a header's name. One that is not well escaped counts as it is.
fn unescape(key: &str) -> String {
    let bytes = key.as_bytes();
    let is_well =
        bytes.iter().enumerate().filter(|(_, byte)| **byte == b'%').all(|(i, _)| {
            bytes.get(i + 1..i + 3).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
        });
    if !is_well {
        return key.to_owned();
    }
    percent_encoding::percent_decode_str(key).decode_utf8_lossy().into_owned()
}
