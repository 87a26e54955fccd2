//! What a request is counted as. Nothing that a client may invent gets into it, so that there are no more counters than
//! there are things to ask for.

use axum::body::Body;
use http::Request;

use crate::catalog::Catalog;
use crate::metrics::RequestLabels;
use crate::query::Query;
use crate::routes;
use crate::target::{ResourceTarget, Target};

/// How `request` is counted.
pub(super) fn of(catalog: &Catalog, request: &Request<Body>) -> RequestLabels {
    let path = request.uri().path();
    let labels = RequestLabels {
        verb: match request.method().as_str() {
            "GET" => "GET",
            "HEAD" => "HEAD",
            "POST" => "POST",
            "PUT" => "PUT",
            "PATCH" => "PATCH",
            "DELETE" => "DELETE",
            "OPTIONS" => "OPTIONS",
            _ => "other",
        },
        dry_run: "",
        group: "",
        version: "",
        resource: "",
        subresource: routes::counted_as(path),
        scope: "",
        component: "apiserver",
    };
    match Target::parse(path) {
        Some(Target::Resource(target)) => of_resource(catalog, request, &target, labels),
        _ => labels,
    }
}

fn of_resource(
    catalog: &Catalog,
    request: &Request<Body>,
    target: &ResourceTarget<'_>,
    labels: RequestLabels,
) -> RequestLabels {
    let Some(served) = catalog.resource(target.group, target.version, target.resource) else {
        return labels;
    };
    let facts = served.resource.facts();
    let query = Query::parse(request.uri().query());
    let is_watch = target.watch || query.truth("watch") == Some(true);
    let verb = match (labels.verb, target.name.is_empty()) {
        ("GET", true) if is_watch => "WATCH",
        ("GET", true) => "LIST",
        ("DELETE", true) => "DELETECOLLECTION",
        (verb, _) => verb,
    };
    let scope = match (target.name.is_empty(), target.namespace.is_empty()) {
        (false, _) => "resource",
        (true, false) => "namespace",
        (true, true) => "cluster",
    };
    let subresource = served.subresource(target.subresource).map_or("", |subresource| subresource.name);
    let dry_run = if query.text("dryRun") == "All" { "All" } else { "" };
    RequestLabels {
        verb,
        dry_run,
        group: facts.group,
        version: served.version,
        resource: facts.plural,
        subresource,
        scope,
        ..labels
    }
}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::*;

    #[test]
    fn requests_are_counted_by_what_they_ask_for() {
        let catalog = Catalog::builtin(&crate::offer::Offer::default());
        for (method, uri, expected) in [
            (Method::GET, "/livez/ping", "GET |||/livez|| "),
            (Method::GET, "/api/v1/pods", "LIST |v1|pods||cluster| "),
            (Method::GET, "/api/v1/pods?watch=1", "WATCH |v1|pods||cluster| "),
            (Method::POST, "/api/v1/namespaces/a/pods?dryRun=All", "POST |v1|pods||namespace|All "),
            (
                Method::PUT,
                "/apis/apps/v1/namespaces/a/deployments/b/scale",
                "PUT apps|v1|deployments|scale|resource| ",
            ),
            (Method::DELETE, "/api/v1/namespaces/a/pods", "DELETECOLLECTION |v1|pods||namespace| "),
            (Method::GET, "/api/v1/namespaces/a/pods/b/invented", "GET |v1|pods||resource| "),
            (Method::GET, "/apis/invented/v1/things", "GET ||||| "),
        ] {
            let request = Request::builder().method(method).uri(uri).body(Body::empty()).unwrap();
            let RequestLabels { verb, dry_run, group, version, resource, subresource, scope, .. } =
                of(&catalog, &request);
            let shown = format!("{verb} {group}|{version}|{resource}|{subresource}|{scope}|{dry_run} ");
            assert_eq!(shown, expected, "{uri}");
        }
    }
}
