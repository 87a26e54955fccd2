//! Operations: what can be done with a resource, from its description.

use std::borrow::Cow;

use super::parameter::{DELETE, Parameter, option_type, options};
use super::path::{Body, METHODS, Operation, Path};
use super::resource::{GroupVersion, Resource, Source, Subresource};
use super::schema::{PATCH, VERSION_INFO};
use super::texts::Texts;
use crate::arena::builtin;

const META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1";

const ALL: &[&str] = &["application/json", "application/yaml", "application/vnd.kubernetes.protobuf"];
const STREAMS: &[&str] = &[
    "application/json",
    "application/yaml",
    "application/vnd.kubernetes.protobuf",
    "application/json;stream=watch",
    "application/vnd.kubernetes.protobuf;stream=watch",
];
const LOG: &[&str] =
    &["text/plain", "application/json", "application/yaml", "application/vnd.kubernetes.protobuf"];
const CUSTOM: &[&str] = &["application/json", "application/yaml"];
const ANY: &[&str] = &["*/*"];
const PATCHES: &[&str] = &[
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
    "application/apply-patch+yaml",
];
const CUSTOM_PATCHES: &[&str] =
    &["application/json-patch+json", "application/merge-patch+json", "application/apply-patch+yaml"];

/// A document that is not about resources, or about what there are.
pub(super) fn plain(path: &str, tag: &str, id: &str, about: &str, answer: Option<&str>) -> Path {
    let (consumes, produces): (&[&str], &[&str]) = match answer {
        None if path.contains("jwks") => (&[], &["application/jwk-set+json"]),
        None => (&[], &["application/json"]),
        Some(VERSION_INFO) => (&["application/json"], &["application/json"]),
        Some(_) => (ALL, ALL),
    };
    let operation = Operation {
        method: "get",
        id: id.to_owned(),
        tag: tag.to_owned(),
        about: about.to_owned(),
        parameters: Vec::new(),
        body: None,
        consumes,
        produces,
        answer: answer.map(str::to_owned),
        codes: &["200", "401"],
        action: None,
    };
    Path { path: path.to_owned(), operations: vec![operation] }
}

/// The group as operations and tags call it: `RbacAuthorization` of `rbac.authorization.k8s.io`.
pub(super) fn title(group: &str) -> String {
    let words = if group.is_empty() { "core" } else { group.strip_suffix(".k8s.io").unwrap_or(group) };
    words.split('.').map(capital).collect()
}

/// The group as tags call it: `rbacAuthorization`.
pub(super) fn tag(group: &str) -> String {
    let title = title(group);
    let mut characters = title.chars();
    characters.next().map(|first| first.to_lowercase().chain(characters).collect()).unwrap_or_default()
}

fn capital(word: &str) -> String {
    let mut characters = word.chars();
    characters.next().map(|first| first.to_uppercase().chain(characters).collect()).unwrap_or_default()
}

/// The name under which a kind is published: the built-in type's, or made of the group's words turned round.
pub(super) fn definition_name(group: &str, version: &str, kind: &str, source: &Source) -> String {
    match (source, builtin().by_gvk(group, version, kind)) {
        (Source::Builtin, Some(ty)) => ty.name().to_owned(),
        _ => {
            let words: Vec<&str> = group.split('.').rev().collect();
            format!("{}.{version}.{kind}", words.join("."))
        }
    }
}

/// Makes the paths of a group version's resources.
pub(super) struct Paths<'a> {
    pub(super) of: &'a GroupVersion,
    pub(super) texts: &'a Texts<'a>,
}

/// What an operation is about, for its id and description.
struct Subject<'a> {
    resource: &'a Resource,
    subresource: Option<&'a Subresource>,
    /// Path parameters.
    place: Vec<Parameter>,
    /// What the id says behind the kind.
    suffix: &'static str,
    namespaced: bool,
}

impl Paths<'_> {
    pub(super) fn all(&self) -> Vec<Path> {
        let mut paths = Vec::new();
        for resource in &self.of.resources {
            self.collection(resource, &mut paths);
            self.item(resource, &mut paths);
            for subresource in &resource.subresources {
                self.below(resource, subresource, &mut paths);
            }
            if resource.can("watch") && !self.of.custom {
                self.watches(resource, &mut paths);
            }
        }
        paths
    }

    fn root(&self, resource: &Resource, between: &str) -> String {
        let namespace = if resource.namespaced { "namespaces/{namespace}/" } else { "" };
        format!("{}{between}{namespace}{}", self.of.path(), resource.plural)
    }

    fn subject<'a>(
        &self,
        resource: &'a Resource,
        subresource: Option<&'a Subresource>,
        named: bool,
    ) -> Subject<'a> {
        let mut place = Vec::new();
        if named {
            place.push(Parameter::name(&resource.kind));
        }
        if resource.namespaced {
            place.push(Parameter::namespace());
        }
        Subject { resource, subresource, place, suffix: "", namespaced: resource.namespaced }
    }

    fn collection(&self, resource: &Resource, paths: &mut Vec<Path>) {
        let subject = self.subject(resource, None, false);
        let verbs = [("list", "list"), ("create", "post"), ("deletecollection", "deletecollection")];
        self.push(self.root(resource, ""), &subject, &resource.verbs, &verbs, paths);
        if resource.namespaced && resource.can("list") {
            let everywhere = Subject {
                resource,
                subresource: None,
                place: Vec::new(),
                suffix: "ForAllNamespaces",
                namespaced: false,
            };
            let path = format!("{}{}", self.of.path(), resource.plural);
            self.push(path, &everywhere, &resource.verbs, &verbs[..1], paths);
        }
    }

    fn item(&self, resource: &Resource, paths: &mut Vec<Path>) {
        let subject = self.subject(resource, None, true);
        let path = format!("{}/{{name}}", self.root(resource, ""));
        let verbs = [("get", "get"), ("update", "put"), ("delete", "delete"), ("patch", "patch")];
        self.push(path, &subject, &resource.verbs, &verbs, paths);
    }

    fn below(&self, resource: &Resource, subresource: &Subresource, paths: &mut Vec<Path>) {
        let mut subject = self.subject(resource, Some(subresource), true);
        let path = format!("{}/{{name}}/{}", self.root(resource, ""), subresource.name);
        if !subresource.connects() {
            let verbs = [("get", "get"), ("update", "put"), ("create", "post"), ("patch", "patch")];
            return self.push(path, &subject, &subresource.verbs, &verbs, paths);
        }
        let is_proxy = subresource.verbs.iter().any(|verb| verb == "update");
        let methods: Vec<&'static str> =
            METHODS.iter().copied().filter(|method| is_proxy || matches!(*method, "get" | "post")).collect();
        let mut push = |path: String, subject: &Subject<'_>| {
            let operations =
                methods.iter().map(|method| self.connection(method, subject, subresource)).collect();
            paths.push(Path { path, operations });
        };
        push(path.clone(), &subject);
        if is_proxy {
            subject.place.push(Parameter::path());
            subject.suffix = "WithPath";
            push(format!("{path}/{{path}}"), &subject);
        }
    }

    fn watches(&self, resource: &Resource, paths: &mut Vec<Path>) {
        let root = self.root(resource, "watch/");
        let mut push = |path: String, subject: &Subject<'_>, action| {
            let operation = self.operation(action, subject);
            paths.push(Path { path, operations: vec![operation] });
        };
        push(root.clone(), &Subject { suffix: "List", ..self.subject(resource, None, false) }, "watchlist");
        if resource.can("get") {
            push(format!("{root}/{{name}}"), &self.subject(resource, None, true), "watch");
        }
        if resource.namespaced {
            let everywhere = Subject {
                resource,
                subresource: None,
                place: Vec::new(),
                suffix: "ListForAllNamespaces",
                namespaced: false,
            };
            push(format!("{}watch/{}", self.of.path(), resource.plural), &everywhere, "watchlist");
        }
    }

    /// Adds a path with the actions that the verbs allow.
    fn push(
        &self,
        path: String,
        subject: &Subject<'_>,
        verbs: &[Cow<'static, str>],
        actions: &[(&str, &'static str)],
        paths: &mut Vec<Path>,
    ) {
        let allowed = actions.iter().filter(|(verb, _)| verbs.iter().any(|known| known == verb));
        let mut operations: Vec<Operation> =
            allowed.map(|(_, action)| self.operation(action, subject)).collect();
        operations.sort_by_key(|operation| METHODS.iter().position(|method| *method == operation.method));
        if !operations.is_empty() {
            paths.push(Path { path, operations });
        }
    }

    fn connection(
        &self,
        method: &'static str,
        subject: &Subject<'_>,
        subresource: &Subresource,
    ) -> Operation {
        let mut parameters = subject.place.clone();
        parameters.extend(options(&option_type(&subresource.kind), self.texts));
        Operation {
            method,
            id: self.id("connect", &capital(method), subject),
            tag: self.tag(),
            about: format!(
                "Connects a {} request with the {} of a {}.",
                method.to_uppercase(),
                subresource.name,
                subject.resource.kind
            ),
            parameters,
            body: None,
            consumes: ANY,
            produces: ANY,
            answer: None,
            codes: &["200", "401"],
            action: Some(("connect", self.kind(subject))),
        }
    }

    fn tag(&self) -> String {
        format!("{}_{}", tag(&self.of.group), self.of.version)
    }

    /// `listCoreV1NamespacedPod`: the verb, group and version, what else there is to the verb, then what it is about.
    fn id(&self, verb: &str, more: &str, subject: &Subject<'_>) -> String {
        let namespaced = if subject.namespaced { "Namespaced" } else { "" };
        let below = subject.subresource.map(|subresource| capital(&subresource.name)).unwrap_or_default();
        let (group, version) = (title(&self.of.group), capital(&self.of.version));
        format!("{verb}{group}{version}{more}{namespaced}{}{below}{}", subject.resource.kind, subject.suffix)
    }

    /// The group, version and kind that an operation is for.
    fn kind(&self, subject: &Subject<'_>) -> [String; 3] {
        let own = (&self.of.group, &self.of.version);
        let (kind, (group, version)) = match subject.subresource.filter(|_| !self.of.custom) {
            Some(below) => {
                (&below.kind, below.group_version.as_ref().map_or(own, |(group, version)| (group, version)))
            }
            None => (&subject.resource.kind, own),
        };
        [group, version, kind].map(|name| name.clone().into_owned())
    }

    /// The definition that is read and written.
    fn definition(&self, subject: &Subject<'_>, kind: &str) -> String {
        let own = (&self.of.group, &self.of.version);
        match subject.subresource {
            Some(below) if below.kind != subject.resource.kind || below.group_version.is_some() => {
                let (group, version) =
                    below.group_version.as_ref().map_or(own, |(group, version)| (group, version));
                definition_name(group, version, &below.kind, &Source::Builtin)
            }
            _ => definition_name(own.0, own.1, kind, &subject.resource.schema),
        }
    }

    fn operation(&self, action: &'static str, subject: &Subject<'_>) -> Operation {
        let resource = subject.resource;
        let (method, verb, more) = match action {
            "get" => ("get", "read", ""),
            "list" => ("get", "list", ""),
            "watch" | "watchlist" => ("get", "watch", ""),
            "post" => ("post", "create", ""),
            "put" => ("put", "replace", ""),
            "patch" => ("patch", "patch", ""),
            "deletecollection" => ("delete", "delete", "Collection"),
            _ => ("delete", "delete", ""),
        };
        let own = || self.definition(subject, &resource.kind);
        let answer = match action {
            "list" => self.definition(subject, &resource.list_kind),
            "watch" | "watchlist" => format!("{META}.WatchEvent"),
            "deletecollection" => format!("{META}.Status"),
            "delete" if !resource.returns_deleted => format!("{META}.Status"),
            _ => own(),
        };
        let is_log = subject.subresource.is_some_and(|below| below.name == "log");
        let body = match action {
            "post" | "put" => Some(Body { definition: own(), required: true }),
            "patch" => Some(Body { definition: PATCH.to_owned(), required: true }),
            "deletecollection" if self.of.custom => None,
            "delete" | "deletecollection" => Some(Body { definition: DELETE.to_owned(), required: false }),
            _ => None,
        };
        let codes: &[&str] = match action {
            "post" => &["200", "201", "202", "401"],
            "patch" if self.of.custom => &["200", "401"],
            "put" | "patch" => &["200", "201", "401"],
            "delete" => &["200", "202", "401"],
            _ => &["200", "401"],
        };
        let (consumes, produces) = self.media(action, is_log);
        Operation {
            method,
            id: self.id(verb, more, subject),
            tag: self.tag(),
            about: about(action, subject),
            parameters: self.parameters(action, is_log, subject),
            body,
            consumes,
            produces,
            answer: Some(answer).filter(|_| !is_log),
            codes,
            action: Some((action, self.kind(subject))),
        }
    }

    fn media(&self, action: &str, is_log: bool) -> (&'static [&'static str], &'static [&'static str]) {
        match action {
            "patch" if self.of.custom => (CUSTOM_PATCHES, CUSTOM),
            _ if self.of.custom => (CUSTOM, CUSTOM),
            "patch" => (PATCHES, ALL),
            "list" | "watch" | "watchlist" => (ANY, STREAMS),
            _ if is_log => (ANY, LOG),
            _ => (ANY, ALL),
        }
    }

    fn parameters(&self, action: &str, is_log: bool, subject: &Subject<'_>) -> Vec<Parameter> {
        let list = || options(&option_type("list"), self.texts);
        let mut parameters = subject.place.clone();
        parameters.push(Parameter::pretty());
        match action {
            "list" | "watch" | "watchlist" => parameters.extend(list()),
            "deletecollection" if self.of.custom => parameters.extend(list()),
            "deletecollection" => {
                // What is deleted is listed first, but never watched.
                parameters.extend(
                    list().into_iter().filter(|option| !option.key().0.to_lowercase().contains("watch")),
                );
                parameters.extend(options(DELETE, self.texts));
            }
            "delete" => parameters.extend(options(DELETE, self.texts)),
            "post" | "put" | "patch" => parameters.extend(options(&option_type(action), self.texts)),
            _ if is_log => parameters.extend(options(&option_type("PodLogOptions"), self.texts)),
            _ if self.of.custom => {
                parameters.extend(list().into_iter().filter(|option| option.key().0 == "resourceVersion"));
            }
            _ => {}
        }
        parameters
    }
}

fn about(action: &str, subject: &Subject<'_>) -> String {
    let kind = &subject.resource.kind;
    let what = match subject.subresource {
        Some(below) => format!("the {} of a {kind}", below.name),
        None => format!("a {kind}"),
    };
    match action {
        "list" if subject.resource.can("watch") => format!("Lists objects of kind {kind}, or watches them."),
        "list" => format!("Lists objects of kind {kind}."),
        "watchlist" => {
            format!("Watches objects of kind {kind}. Deprecated: list them with the parameter `watch`.")
        }
        "watch" => {
            format!("Watches {what}. Deprecated: list with the parameters `watch` and `fieldSelector`.")
        }
        "post" => format!("Creates {what}."),
        "put" => format!("Replaces {what}."),
        "patch" => format!("Changes parts of {what}."),
        "deletecollection" => format!("Deletes objects of kind {kind}."),
        "delete" => format!("Deletes {what}."),
        _ => format!("Reads {what}."),
    }
}
