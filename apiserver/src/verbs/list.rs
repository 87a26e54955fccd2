//! Reading a selection of objects, whole or in pages that show one frozen state.

use axum::body::Body;
use http::Response;
use keelson_api::options::{ListOptions, ReadAt, kind};
use keelson_api::selector::{field, label};
use keelson_store::object::Object;
use keelson_store::replica::OutOfRange;
use keelson_store::revision::Revision;
use keelson_store::{At, ReadError, Snapshot};

use super::token::Token;
use crate::api::Call;
use crate::problem::Problem;
use crate::render::list::Listing;
use crate::resource::{Facts, Scope};
use crate::selection::Selection;
use crate::stored::NOT_STORED;
use crate::{refusal, render};

pub(crate) async fn run(call: &Call<'_>) -> Result<Response<Body>, Problem> {
    let look = render::negotiate(call, false)?;
    let listing = select(call).await?;
    render::list::list(call, look, listing).await
}

/// The objects that a call selects, or a page of them.
pub(crate) async fn select(call: &Call<'_>) -> Result<Listing, Problem> {
    let asked = Asked::of(call)?;
    let (state, after) = state(call, &asked).await?;
    page(call, &asked, &state, after.as_deref())
}

/// What a list or watch is to show.
pub(crate) struct Asked<'a> {
    pub(crate) options: ListOptions<'a>,
    pub(crate) selection: Selection,
}

impl<'a> Asked<'a> {
    /// Reads the parameters of a call.
    pub(crate) fn of(call: &'a Call<'_>) -> Result<Self, Problem> {
        let query = &call.query;
        let number = |name| query.number(name).map_err(|error| refusal::bad_request(&error));
        let options = ListOptions {
            watch: call.is_watch(),
            resource_version: query.text("resourceVersion"),
            resource_version_match: query.text("resourceVersionMatch"),
            limit: number("limit")?.unwrap_or_default(),
            continue_token: query.text("continue"),
            send_initial_events: query.truth("sendInitialEvents"),
        };
        number("timeoutSeconds")?;
        let selection = selection(call)?;
        let options = options.with_defaults();
        refusal::check_options(&kind::LIST, options.check())?;
        Ok(Self { options, selection })
    }
}

fn selection(call: &Call<'_>) -> Result<Selection, Problem> {
    let labels = label::Selector::parse(call.query.text("labelSelector"))
        .map_err(|error| refusal::bad_request(&error))?;
    let mut fields = field::Selector::parse(call.query.text("fieldSelector"))
        .map_err(|error| refusal::bad_request(&error))?;
    fields = fields
        .transform(|label, value| path(call, label, value))
        .map_err(|error| refusal::bad_request(&error))?;
    if !call.target.name.is_empty() {
        // The old form of watching one object names it in the path.
        let named = fields.exact_match("metadata.name").is_none_or(|name| name == call.target.name);
        if !named {
            return Err(refusal::bad_request(&"fieldSelector metadata.name doesn't match requested name"));
        }
        fields = field::Selector::equals("metadata.name", call.target.name);
    }
    Ok(Selection { labels, fields })
}

/// The path in the object that a field label stands for.
fn path(call: &Call<'_>, label: &str, value: &str) -> Result<(Box<str>, Box<str>), field::UnknownField> {
    let facts = call.served.facts();
    if let Some(field) = facts.fields.iter().find(|field| field.label == label) {
        return Ok((field.path.into(), value.into()));
    }
    let is_common =
        label == "metadata.name" || (label == "metadata.namespace" && facts.scope == Scope::Namespaced);
    match facts.fields {
        // Kinds with fields of their own refuse others in other words.
        [_, ..] if !is_common => Err(unknown(facts, call.served.version, label)),
        _ => field::common(label, value),
    }
}

/// What kinds with fields of their own say of others; two have words of their own for that too.
fn unknown(facts: &Facts, version: &str, label: &str) -> field::UnknownField {
    let field = label.into();
    match facts.kind {
        "Job" => field::UnknownField::OfKind { field, kind: facts.kind.into() },
        "ResourceSlice" => {
            let kind = format!("{}/{version}, Kind={}", facts.group, facts.kind).into();
            field::UnknownField::OfVersion { field, kind }
        }
        _ => field::UnknownField::Plain(field),
    }
}

/// The state that a list shows, and the path that its page begins after.
async fn state(call: &Call<'_>, asked: &Asked<'_>) -> Result<(Snapshot, Option<Box<str>>), Problem> {
    if let Some(source) = call.served.resource.on_demand() {
        return Ok((Snapshot::from(source.objects(call.api).await?), None));
    }
    if !asked.options.continue_token.is_empty() {
        Token::read(asked.options.continue_token).map_err(|error| refusal::bad_request(&error))?;
    }
    let at = match asked.options.read_at().map_err(Problem::from)? {
        ReadAt::Latest => At::Latest,
        ReadAt::Any => At::Cached,
        ReadAt::NotOlderThan(revision) => At::AtLeast(Revision(revision)),
        ReadAt::Exact(revision) => At::Exactly(Revision(revision)),
        ReadAt::Token => return resumed(call, asked.options.continue_token).await,
    };
    let list = call.api.store.list(&call.served.store, at);
    match refusal::within_reach(call, at, list).await {
        Ok(snapshot) => Ok((snapshot, None)),
        Err(problem) => Err(problem),
    }
}

/// The state that an earlier page showed.
async fn resumed(call: &Call<'_>, token: &str) -> Result<(Snapshot, Option<Box<str>>), Problem> {
    let token = Token::read(token).map_err(|error| refusal::bad_request(&error))?;
    let after = match call.target.namespace {
        "" => token.after.clone().into_boxed_str(),
        namespace => format!("{namespace}/{}", token.after).into_boxed_str(),
    };
    let at = token.revision.map_or(At::Latest, |revision| At::Exactly(Revision(revision)));
    match call.api.store.list(&call.served.store, at).await {
        Ok(snapshot) => Ok((snapshot, Some(after))),
        Err(ReadError::OutOfRange(OutOfRange::Compacted { .. })) => {
            Err(refusal::expired_token(&Token { revision: None, ..token }.write()))
        }
        Err(error) => Err(refusal::unreadable(error)),
    }
}

/// What of the state goes into one answer.
fn page(
    call: &Call<'_>,
    asked: &Asked<'_>,
    state: &Snapshot,
    after: Option<&str>,
) -> Result<Listing, Problem> {
    // Whoever takes any state gets all of it: upstream's cache knows no pages, nor does what is made when asked for.
    let is_any = asked.options.resource_version == "0" || state.revision == NOT_STORED;
    let limit = if is_any || is_single(call, &asked.selection) {
        0
    } else {
        usize::try_from(asked.options.limit).unwrap_or(0)
    };
    let namespace: Box<str> = call.target.namespace.into();
    let mut listing = Listing {
        revision: state.revision,
        objects: Vec::new(),
        next: None,
        remaining: None,
        is_gapless: asked.selection.is_everything(),
    };
    let facts = call.served.facts();
    let table = render::list::narrow(state, &asked.selection, facts);
    let mut range = table.range(&namespace, after);
    for object in range.by_ref() {
        if selected(call, &asked.selection, object)? {
            listing.objects.push(object.clone());
            if listing.objects.len() == limit {
                break;
            }
        }
    }
    if limit > 0 && listing.objects.len() == limit {
        let rest = range.count();
        if let (Some(last), 1..) = (listing.objects.last(), rest) {
            let after = if namespace.is_empty() { last.path() } else { last.name() };
            listing.next = Some(Token { revision: Some(state.revision.0), after: after.to_owned() }.write());
            listing.remaining = asked.selection.is_everything().then_some(rest);
        }
    }
    Ok(listing)
}

/// Whether there is one object at the most that can be meant.
fn is_single(call: &Call<'_>, selection: &Selection) -> bool {
    let has_place = call.target.namespace.is_empty() != call.served.is_namespaced();
    has_place && selection.fields.exact_match("metadata.name").is_some()
}

fn selected(call: &Call<'_>, selection: &Selection, object: &Object) -> Result<bool, Problem> {
    if selection.is_everything() {
        return Ok(true);
    }
    let stored = crate::stored::Stored::of(object)?;
    Ok(selection.matches(call.served.facts(), object, &stored))
}
