//! Parameters of operations: read from the option types, whose fields are what a query may say.

use super::node::{Node, Object};
use super::resource::Dialect;
use super::texts::Texts;
use crate::arena::{FieldRef, Kind, TypeRef, builtin};

const META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1";
const CORE: &str = "io.k8s.api.core.v1";

/// Our own descriptions, where upstream's are not published with a type. The last word of a name that stands twice is
/// the type it holds for.
const ABOUT: [(&str, &str); 34] = [
    (
        "allowWatchBookmarks",
        "Whether the watch may send bookmarks: events that only tell how far it has come. Not for lists.",
    ),
    ("command", "The program to run and its arguments, one by one. No shell is involved."),
    ("container", "The container that is meant. May be left out if the pod has only one."),
    (
        "continue",
        "The token from the answer that held the page before. It only fits a request that is otherwise the same, and not for ever: 410 means it is too old, and brings a token to go on with at a later state, or the list has to be begun anew. Not for watches.",
    ),
    (
        "fieldManager",
        "Who makes this change, at most 128 printable characters. Recorded with the fields that it sets.",
    ),
    (
        "fieldManager PatchOptions",
        "Who makes this change, at most 128 printable characters. Recorded with the fields that it sets. Required for server-side apply.",
    ),
    ("fieldSelector", "Only objects whose fields have these values. All of them if left out."),
    (
        "fieldValidation",
        "What to do about unknown and duplicate fields: `Ignore` drops them, `Warn` drops them with a warning each, `Strict` refuses the request and names them. `Warn` if left out.",
    ),
    ("follow", "Whether to keep sending what is logged from now on."),
    (
        "force",
        "Whether server-side apply takes fields over from managers that it has a conflict with. Not for other patches.",
    ),
    (
        "insecureSkipTLSVerifyBackend",
        "Whether to fetch the log without checking the node's certificate. Whoever sits between could then invent it.",
    ),
    ("labelSelector", "Only objects whose labels match. All of them if left out."),
    (
        "limit",
        "How many objects the answer may hold. If there are more, its metadata has a token for `continue`; all pages together show one state. Not for watches.",
    ),
    ("limitBytes", "How many bytes of log to send at most. The last line may be cut."),
    ("name", "The name of the {}."),
    ("namespace", "The namespace of the objects."),
    ("path", "The path, with query, to be asked for behind the proxy."),
    ("path path", "The rest of the path, to be asked for behind the proxy."),
    ("ports", "The ports to forward. Required for WebSockets."),
    ("pretty", "Whether the answer is indented for reading. If left out, it is for browsers, curl and wget."),
    ("previous", "Whether the log of the container's previous run is meant."),
    ("resourceVersion", "How fresh the answer has to be; what that means depends on `resourceVersionMatch`."),
    (
        "resourceVersionMatch",
        "How `resourceVersion` is meant: `Exact` for that very state, `NotOlderThan` for that state or a later one.",
    ),
    (
        "sendInitialEvents",
        "Whether a watch begins with an event for every object there is, ended by a bookmark with the annotation `k8s.io/initial-events-end`. Needs `resourceVersionMatch=NotOlderThan`.",
    ),
    ("shardSelector", "Only objects whose hashed field lies in one of these ranges."),
    ("sinceSeconds", "Only what was logged in the last so many seconds."),
    ("stderr", "Whether to connect the standard error output."),
    ("stdin", "Whether to connect the standard input."),
    ("stdout", "Whether to connect the standard output."),
    ("stream", "Which output is meant: `All`, `Stdout` or `Stderr`."),
    ("tailLines", "Only so many lines from the end."),
    ("timeoutSeconds", "After how many seconds the list or watch ends, whatever happens in it."),
    ("timestamps", "Whether each line begins with its time."),
    ("tty", "Whether the container's side is a terminal."),
];
const ABOUT_WATCH: &str = "Whether to be told of changes, event by event, instead of getting a list.";

/// A parameter that is part of the URL.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Parameter {
    name: &'static str,
    in_path: bool,
    ty: &'static str,
    about: String,
}

impl Parameter {
    /// The name of an object of that kind.
    pub(super) fn name(kind: &str) -> Self {
        Self { name: "name", in_path: true, ty: "string", about: about("name", "").replace("{}", kind) }
    }

    /// The namespace.
    pub(super) fn namespace() -> Self {
        Self { name: "namespace", in_path: true, ty: "string", about: about("namespace", "") }
    }

    /// What follows the proxy's own path.
    pub(super) fn path() -> Self {
        Self { name: "path", in_path: true, ty: "string", about: about("path", "path") }
    }

    /// Whether to indent the answer.
    pub(super) fn pretty() -> Self {
        Self { name: "pretty", in_path: false, ty: "string", about: about("pretty", "") }
    }

    /// The order in which parameters are listed.
    pub(super) fn key(&self) -> (&'static str, bool) {
        (self.name, !self.in_path)
    }

    pub(super) fn node(&self, dialect: Dialect) -> Node<'_> {
        let place = if self.in_path { "path" } else { "query" };
        match dialect {
            Dialect::V2 => {
                let head = Object::default().with("uniqueItems", true).with("type", self.ty);
                let head = head.with("description", &*self.about).with("name", self.name).with("in", place);
                head.maybe("required", self.in_path.then_some(true)).into()
            }
            Dialect::V3 => {
                let schema = Object::default().with("type", self.ty).with("uniqueItems", true);
                let head = Object::default()
                    .with("name", self.name)
                    .with("in", place)
                    .with("description", &*self.about);
                head.maybe("required", self.in_path.then_some(true)).with("schema", schema).into()
            }
        }
    }

    /// Whether version 2 writes it out wherever it is used: old versions of `kubectl` look for these two, and a name
    /// tells of what.
    pub(super) fn is_written_out(&self) -> bool {
        matches!(self.name, "name" | "fieldValidation" | "dryRun")
    }
}

/// The parameters that a query may have according to an option type.
pub(super) fn options(ty: &str, texts: &Texts<'_>) -> Vec<Parameter> {
    let of = builtin().by_name(ty).and_then(TypeRef::as_struct);
    let fields = of.into_iter().flat_map(|of| of.fields().collect::<Vec<_>>());
    fields.filter_map(|field| option(ty, field, texts)).collect()
}

fn option(ty: &str, field: FieldRef<'static>, texts: &Texts<'_>) -> Option<Parameter> {
    let name = field.name();
    if matches!(name, "kind" | "apiVersion") {
        return None;
    }
    let target = if field.ty().kind() == Kind::List { field.ty().elem() } else { field.ty() };
    let target = match target.kind() {
        Kind::Bool => "boolean",
        Kind::Int32 | Kind::Int64 => "integer",
        Kind::String => "string",
        _ => return None,
    };
    // A dry run is the same everywhere.
    let described = if name == "dryRun" { DELETE } else { ty };
    let short = ty.rsplit('.').next().unwrap_or(ty);
    let about = texts.of_field(described, name).unwrap_or_else(|| about(name, short));
    Some(Parameter { name, in_path: false, ty: target, about })
}

fn about(name: &str, of: &str) -> String {
    if name == "watch" {
        return ABOUT_WATCH.to_owned();
    }
    let closer = ABOUT.iter().find(|(known, _)| known.split_once(' ') == Some((name, of)));
    let found = closer.or_else(|| ABOUT.iter().find(|(known, _)| *known == name));
    found.map(|(_, text)| (*text).to_owned()).unwrap_or_default()
}

/// What deletes ask for.
pub(super) const DELETE: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions";

/// The option types, by what they are for.
pub(super) fn option_type(action: &str) -> String {
    match action {
        "list" => format!("{META}.ListOptions"),
        "post" => format!("{META}.CreateOptions"),
        "put" => format!("{META}.UpdateOptions"),
        "patch" => format!("{META}.PatchOptions"),
        kind => format!("{CORE}.{kind}"),
    }
}

/// The name under which version 2 shares a parameter: its own, and a hash of what it says.
pub(super) fn shared_name(name: &str, node: &Node<'_>) -> String {
    let mut json = Vec::new();
    node.write_json(&mut json, true);
    // FNV-1 with 64 bits.
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in json {
        hash = hash.wrapping_mul(0x100_0000_01b3) ^ u64::from(byte);
    }
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let digits =
        (0..8).map(|at| char::from(DIGITS[usize::try_from(hash >> (58 - 6 * at) & 63).unwrap_or(0)]));
    format!("{name}-{}", digits.collect::<String>())
}
