//! Paths and their operations, as the documents write them. `operation.rs` makes them.

use std::collections::BTreeMap;

use super::node::{Node, Object};
use super::parameter::{Parameter, shared_name};
use super::resource::Dialect;
use super::schema::of_kind;

/// A path and what can be done there.
pub(super) struct Path {
    pub(super) path: String,
    /// In the order of [`METHODS`].
    pub(super) operations: Vec<Operation>,
}

/// The methods in the order in which a path lists them.
pub(super) const METHODS: [&str; 7] = ["get", "put", "post", "delete", "options", "head", "patch"];

/// What can be done at a path with one method.
pub(super) struct Operation {
    pub(super) method: &'static str,
    pub(super) id: String,
    pub(super) tag: String,
    pub(super) about: String,
    pub(super) parameters: Vec<Parameter>,
    pub(super) body: Option<Body>,
    pub(super) consumes: &'static [&'static str],
    pub(super) produces: &'static [&'static str],
    /// What success answers: a definition, or a text for `None`.
    pub(super) answer: Option<String>,
    pub(super) codes: &'static [&'static str],
    /// The action and the kind it is for.
    pub(super) action: Option<(&'static str, [String; 3])>,
}

/// What a request carries.
pub(super) struct Body {
    pub(super) definition: String,
    pub(super) required: bool,
}

/// Parameters that version 2 shares, by name.
pub(super) type Shared = BTreeMap<String, Node<'static>>;

impl Path {
    /// Calls `found` with every definition it refers to.
    pub(super) fn references(&self, found: &mut dyn FnMut(&str)) {
        for operation in &self.operations {
            operation
                .answer
                .iter()
                .chain(operation.body.iter().map(|body| &body.definition))
                .for_each(|name| found(name));
        }
    }

    /// The path item, with the parameters that all its operations have beside them.
    pub(super) fn node(&self, dialect: Dialect, shared: &mut Shared) -> Node<'_> {
        let all = |parameter: &Parameter| {
            self.operations.iter().all(|operation| operation.parameters.contains(parameter))
        };
        let first = self.operations.first().map(|operation| &operation.parameters[..]).unwrap_or_default();
        let mut common: Vec<&Parameter> = first.iter().filter(|parameter| all(parameter)).collect();
        common.sort_by_key(|parameter| parameter.key());
        let mut item = Object::default();
        for operation in &self.operations {
            let mut own: Vec<&Parameter> =
                operation.parameters.iter().filter(|parameter| !common.contains(parameter)).collect();
            own.sort_by_key(|parameter| parameter.key());
            item = item.with(operation.method, operation.node(dialect, &own, shared));
        }
        let common: Vec<Node<'_>> =
            common.into_iter().map(|parameter| written(parameter, dialect, shared)).collect();
        item.maybe("parameters", Some(common).filter(|common| !common.is_empty())).into()
    }
}

fn written<'a>(parameter: &'a Parameter, dialect: Dialect, shared: &mut Shared) -> Node<'a> {
    if dialect == Dialect::V3 || parameter.is_written_out() {
        return parameter.node(dialect);
    }
    share(parameter.key().0, parameter.node(dialect), shared)
}

/// A reference to the parameter, which is put with the others of its kind.
fn share(name: &str, node: Node<'_>, shared: &mut Shared) -> Node<'static> {
    let name = shared_name(name, &node);
    let reference = Object::default().with("$ref", format!("#/parameters/{name}"));
    shared.entry(name).or_insert_with(|| node.into_owned());
    reference.into()
}

impl Operation {
    fn node<'a>(&'a self, dialect: Dialect, own: &[&'a Parameter], shared: &mut Shared) -> Node<'a> {
        let parameters: Vec<Node<'a>> =
            own.iter().map(|parameter| written(parameter, dialect, shared)).collect();
        match dialect {
            Dialect::V2 => self.v2(parameters, shared),
            Dialect::V3 => self.v3(parameters),
        }
    }

    fn v2<'a>(&'a self, mut parameters: Vec<Node<'a>>, shared: &mut Shared) -> Node<'a> {
        if let Some(body) = &self.body {
            let head = Object::default().with("name", "body").with("in", "body");
            let head = head.maybe("required", body.required.then_some(true));
            let schema = head.with("schema", reference(Dialect::V2, &body.definition)).into();
            let is_shared = body.definition.starts_with("io.k8s.apimachinery");
            parameters.insert(0, if is_shared { share("body", schema, shared) } else { schema });
        }
        let responses = self.codes.iter().map(|code| {
            let head = Object::default().with("description", meaning(code));
            let schema = (*code != "401").then(|| self.answer_schema(Dialect::V2));
            ((*code).into(), head.maybe("schema", schema).into())
        });
        let head = Object::default().with("description", &*self.about);
        let head = head.maybe("consumes", Some(self.consumes).filter(|types| !types.is_empty()).map(texts));
        let head = head.with("produces", texts(self.produces)).with("schemes", texts(&["https"]));
        let head = head.with("tags", texts(&[&*self.tag])).with("operationId", &*self.id);
        let head = head.maybe("parameters", Some(parameters).filter(|parameters| !parameters.is_empty()));
        let head = head.with("responses", Object(responses.collect()));
        match &self.action {
            Some((action, [group, version, kind])) => head
                .with("x-kubernetes-action", *action)
                .with("x-kubernetes-group-version-kind", of_kind(&**group, &**version, &**kind))
                .into(),
            None => head.into(),
        }
    }

    fn v3<'a>(&'a self, parameters: Vec<Node<'a>>) -> Node<'a> {
        let content = |types: &'static [&'static str], schema: &dyn Fn() -> Node<'a>| {
            let mut types = types.to_vec();
            types.sort_unstable();
            let types =
                types.into_iter().map(|ty| (ty.into(), Object::default().with("schema", schema()).into()));
            Node::from(Object(types.collect()))
        };
        let body = self.body.as_ref().map(|body| {
            let content = content(self.consumes, &|| reference(Dialect::V3, &body.definition));
            Object::default().with("content", content).maybe("required", body.required.then_some(true))
        });
        let responses = self.codes.iter().map(|code| {
            let head = Object::default().with("description", meaning(code));
            let content =
                (*code != "401").then(|| content(self.produces, &|| self.answer_schema(Dialect::V3)));
            ((*code).into(), head.maybe("content", content).into())
        });
        let head = Object::default().with("tags", texts(&[&*self.tag])).with("description", &*self.about);
        let head = head.with("operationId", &*self.id);
        let head = head.maybe("parameters", Some(parameters).filter(|parameters| !parameters.is_empty()));
        let head = head.maybe("requestBody", body).with("responses", Object(responses.collect()));
        match &self.action {
            Some((action, [group, version, kind])) => {
                let kind = Object::default()
                    .with("group", &**group)
                    .with("version", &**version)
                    .with("kind", &**kind);
                head.with("x-kubernetes-action", *action).with("x-kubernetes-group-version-kind", kind).into()
            }
            None => head.into(),
        }
    }

    fn answer_schema(&self, dialect: Dialect) -> Node<'static> {
        match &self.answer {
            Some(definition) => reference(dialect, definition),
            None => Object::default().with("type", "string").into(),
        }
    }
}

fn texts<'a>(texts: &[&'a str]) -> Node<'a> {
    Node::texts(texts.iter().copied())
}

fn reference(dialect: Dialect, definition: &str) -> Node<'static> {
    Object::default().with("$ref", format!("{}{definition}", dialect.prefix())).into()
}

fn meaning(code: &str) -> &'static str {
    match code {
        "200" => "OK",
        "201" => "Created",
        "202" => "Accepted",
        _ => "Unauthorized",
    }
}
