//! How an object is to be removed: `DeleteOptions`, in the body or, where that is empty, behind the question mark.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use keelson_api::options::{DeleteOptions, Preconditions, Propagation, kind};
use keelson_schema::arena::Schema;
use keelson_schema::tree::{Object, View};
use keelson_schema::{json, proto, yaml};
use keelson_store::revision::Revision;

use crate::api::Call;
use crate::media::Encoding;
use crate::problem::Problem;
use crate::refusal;

/// What asks for the removal of an object that cannot be read.
pub(crate) const UNREAD: &str = "ignoreStoreReadErrorWithClusterBreakingPotential";

/// How an object is to be removed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Deletion {
    pub(crate) dry_run: bool,
    pub(crate) grace_seconds: Option<i64>,
    pub(crate) propagation: Option<Propagation>,
    /// The older way to say what becomes of dependents.
    pub(crate) orphan: Option<bool>,
    /// Whether an object is to go even if it cannot be read.
    pub(crate) unread: bool,
    uid: Option<String>,
    resource_version: Option<String>,
}

impl Deletion {
    /// What must hold of the object.
    pub(crate) fn preconditions(&self) -> Option<Preconditions<'_>> {
        (self.uid.is_some() || self.resource_version.is_some()).then_some(Preconditions {
            uid: self.uid.as_deref(),
            resource_version: self.resource_version.as_deref(),
        })
    }

    /// Whether only one state of the object may be removed.
    pub(crate) fn has_state(&self) -> bool {
        self.resource_version.is_some()
    }

    /// The same, but of that state alone.
    pub(crate) fn of_state(&self, revision: Revision) -> Self {
        Self { resource_version: Some(revision.to_string()), ..self.clone() }
    }

    /// What is to become of dependents; nothing if the object itself decides.
    pub(crate) fn wanted(&self) -> Option<Propagation> {
        let old =
            self.orphan.map(|orphan| if orphan { Propagation::Orphan } else { Propagation::Background });
        old.or(self.propagation)
    }
}

impl Deletion {
    /// What `options`, an object's field, say.
    pub(crate) fn of(options: View<'_>) -> Result<Self, Problem> {
        let text = |name: &str| Some(options.field(name).text()).filter(|text| !text.is_empty());
        let asked = DeleteOptions {
            grace_period_seconds: options.field("gracePeriodSeconds").int(),
            preconditions: None,
            orphan_dependents: truth(options.field("orphanDependents")),
            propagation_policy: text("propagationPolicy"),
            dry_run: options.field("dryRun").items().map(View::text).collect(),
            ignore_store_read_error: truth(options.field(UNREAD)),
        };
        refusal::check_options(&kind::DELETE, asked.check())?;
        let condition = |name: &str| {
            let value = options.field("preconditions").field(name);
            value.is_present().then(|| value.text().to_owned())
        };
        Ok(Self {
            uid: condition("uid"),
            resource_version: condition("resourceVersion"),
            ..Self::from(&asked)
        })
    }
}

impl From<&DeleteOptions<'_>> for Deletion {
    fn from(options: &DeleteOptions<'_>) -> Self {
        Self {
            dry_run: !options.dry_run.is_empty(),
            grace_seconds: options.grace_period_seconds,
            propagation: options.propagation_policy.and_then(Propagation::parse),
            orphan: options.orphan_dependents,
            unread: options.ignore_store_read_error == Some(true),
            uid: None,
            resource_version: None,
        }
    }
}

/// Reads how an object is to be removed.
pub(crate) fn read(call: &Call<'_>, body: &Bytes) -> Result<Deletion, Problem> {
    if !body.is_empty() {
        return Deletion::of(decode(call, body)?.view());
    }
    let query = &call.query;
    let options = DeleteOptions {
        grace_period_seconds: query
            .number("gracePeriodSeconds")
            .map_err(|error| refusal::bad_request(&error))?,
        preconditions: None,
        orphan_dependents: query.truth("orphanDependents"),
        propagation_policy: query.first("propagationPolicy"),
        dry_run: query.all("dryRun").collect(),
        ignore_store_read_error: query.truth(UNREAD),
    };
    refusal::check_options(&kind::DELETE, options.check())?;
    let condition = |name: &str| query.first(name).filter(|text| !text.is_empty()).map(str::to_owned);
    Ok(Deletion {
        uid: condition("uid"),
        resource_version: condition("resourceVersion"),
        ..Deletion::from(&options)
    })
}

fn truth(view: View<'_>) -> Option<bool> {
    view.is_present().then(|| view.is_true())
}

fn decode(call: &Call<'_>, body: &Bytes) -> Result<Object, Problem> {
    let schema = Schema::named("io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions");
    let schema = schema.ok_or_else(|| Problem::Defect("there is no type DeleteOptions".into()))?;
    let bad = |error: &dyn std::fmt::Display| refusal::bad_request(error);
    let encoding = Encoding::of_body(call.header(CONTENT_TYPE)).ok_or_else(refusal::unsupported_body)?;
    let root = match encoding {
        Encoding::Protobuf => {
            let envelope = proto::open(body).map_err(|error| bad(&error))?;
            check_kind(envelope.kind, envelope.api_version)?;
            proto::decode_message(envelope.message, schema.ty()).map_err(|error| bad(&error))?
        }
        _ => {
            let converted;
            let text: &[u8] = if encoding == Encoding::Yaml {
                converted = yaml::to_json(body).map_err(|error| bad(&error))?;
                &converted.json
            } else {
                body
            };
            let gvk = json::interpret(text).map_err(|error| bad(&error))?;
            check_kind(&gvk.kind, &gvk.api_version())?;
            json::decode(text, schema.ty(), false).map_err(|error| bad(&error))?.root
        }
    };
    Ok(Object::with_root(schema, root))
}

/// Kinds that are known in all groups, as options are.
const META: [&str; 5] = ["APIGroup", "APIGroupList", "APIResourceList", "APIVersions", "Status"];

/// Options go by one name in all groups.
fn check_kind(kind: &str, api_version: &str) -> Result<(), Problem> {
    if matches!(kind, "" | "DeleteOptions") {
        return Ok(());
    }
    if api_version == "v1" && META.contains(&kind) {
        let words = format!("converting (v1.{kind}) to (v1.DeleteOptions): unknown conversion");
        return Err(refusal::bad_request(&words));
    }
    let version = if api_version.is_empty() { "meta.k8s.io/v1" } else { api_version };
    Err(refusal::bad_request(&format!(
        "no kind {kind:?} is registered for version {version:?} in scheme \"pkg/runtime/scheme.go:111\""
    )))
}
