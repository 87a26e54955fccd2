//! Ingresses: which requests from outside reach which service.

mod rules;

use std::collections::BTreeSet;

use keelson_api::field::{Errors, Path};
use keelson_api::names::address;
use keelson_api::time::UnixMillis;
use keelson_schema::tree::{Object, View};

use crate::cells::{self, Cell};
use crate::resource::{Column, Deletion, Facts, Generation, Resource, Scope, Subresource, Verb};

/// The resource.
#[derive(Debug)]
pub(crate) struct Ingresses;

const FACTS: Facts = Facts {
    group: "networking.k8s.io",
    versions: &["v1"],
    stored_as: ("networking.k8s.io", "v1"),
    kind: "Ingress",
    plural: "ingresses",
    singular: "ingress",
    short_names: &["ing"],
    categories: &[],
    scope: Scope::Namespaced,
    verbs: Verb::ALL,
    deletion_answers: Deletion::Status,
    generation: Generation::OfSpec,
    updates_blindly: true,
    creates_on_update: false,
    subresources: &[Subresource {
        name: "status",
        kind: "Ingress",
        group_version: None,
        verbs: Verb::OF_A_PART,
    }],
    fields: &[],
    columns: &[
        Column::NAME,
        Column::text("Class"),
        Column::text("Hosts"),
        Column::text("Address"),
        Column::text("Ports"),
        Column::text("Age"),
    ],
};

impl Resource for Ingresses {
    fn facts(&self) -> &Facts {
        &FACTS
    }

    fn cells(&self, object: &Object, now: UnixMillis) -> Vec<Cell> {
        let spec = object.view().field("spec");
        let class = spec.field("ingressClassName");
        let ports = if cells::count(spec.field("tls")) > 0 { "80, 443" } else { "80" };
        vec![
            cells::name(object),
            if class.is_present() { class.text() } else { cells::NONE }.into(),
            hosts(spec.field("rules")).into(),
            reached_at(object.view().path("status.loadBalancer.ingress")).into(),
            ports.into(),
            cells::age_of(object, now),
        ]
    }

    fn warn(&self, new: &Object, old: Option<&Object>, warnings: &mut Vec<String>) {
        let Some(old) = old else {
            let is_annotated = new.view().path("metadata.annotations").key(CLASS).is_present();
            if is_annotated && !new.view().path("spec.ingressClassName").is_present() {
                warnings.push(format!(
                    "annotation {CLASS:?} is deprecated, please use 'spec.ingressClassName' instead"
                ));
            }
            return;
        };
        // Only a write to the status changes it.
        if new.get("status") != old.get("status") {
            let path = Path::new("status.loadBalancer.ingress");
            for (at, one) in new.view().path("status.loadBalancer.ingress").items().enumerate() {
                let address = one.field("ip").text();
                if !address.is_empty() {
                    warnings.extend(address::ip_warnings(&path.index(at), address));
                }
            }
        }
    }

    fn validate_create(&self, new: &Object, errors: &mut Errors) {
        rules::check_create(new, errors);
    }

    fn validate_update(&self, new: &Object, old: &Object, errors: &mut Errors) {
        rules::check_update(new, old, errors);
    }

    fn validate_status(&self, new: &Object, old: &Object, errors: &mut Errors) {
        rules::check_status(new, old, errors);
    }
}

/// Named the class before there was a field for it.
const CLASS: &str = "kubernetes.io/ingress.class";
/// How many hosts are shown; how many more rules there are is said.
const HOSTS_SHOWN_MAX: usize = 3;

fn hosts(rules: View<'_>) -> String {
    let mut shown = Vec::new();
    let mut more = false;
    for rule in rules.items() {
        more |= shown.len() == HOSTS_SHOWN_MAX;
        let host = rule.field("host").text();
        if !more && !host.is_empty() {
            shown.push(host);
        }
    }
    match (shown.is_empty(), more) {
        (true, _) => "*".into(),
        (false, false) => shown.join(","),
        (false, true) => format!("{} + {} more...", shown.join(","), rules.items().len() - HOSTS_SHOWN_MAX),
    }
}

/// The addresses of load balancers, or their names where they have none.
fn reached_at(ingress: View<'_>) -> String {
    let places: BTreeSet<&str> = ingress
        .items()
        .map(|one| cells::text_or(one.field("ip"), one.field("hostname").text()))
        .filter(|place| !place.is_empty())
        .collect();
    places.into_iter().collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::resource::check;

    fn ingress(annotations: &str, spec: &str, ingress: &str) -> String {
        format!(
            r#"{{"apiVersion":"networking.k8s.io/v1","kind":"Ingress","metadata":{{"name":"i","creationTimestamp":"2029-12-31T23:59:50Z"{annotations}}},"spec":{{{spec}}},"status":{{"loadBalancer":{{"ingress":[{ingress}]}}}}}}"#
        )
    }

    #[test]
    fn cells() {
        let check = |spec: &str, status: &str, expected: [&str; 4]| {
            let [class, hosts, address, ports] = expected;
            check::cells(
                &Ingresses,
                &ingress("", spec, status),
                json!(["i", class, hosts, address, ports, "10s"]),
            );
        };
        check("", "", ["<none>", "*", "", "80"]);
        check(
            r#""ingressClassName":"c","tls":[{}],"rules":[{"host":"a"},{},{"host":"b"}]"#,
            r#"{"ip":"10.0.0.2"},{"hostname":"h.example.com"},{"ip":"10.0.0.1","hostname":"g"},{"ip":"10.0.0.2"}"#,
            ["c", "a,b", "10.0.0.1,10.0.0.2,h.example.com", "80, 443"],
        );
        check(
            r#""rules":[{"host":"a"},{"host":"b"},{"host":"c"},{"host":"d"},{"host":"e"}]"#,
            "",
            ["<none>", "a,b,c + 2 more...", "", "80"],
        );
        check(r#""rules":[{"host":"a"},{"host":"b"},{"host":"c"}]"#, "", ["<none>", "a,b,c", "", "80"]);
    }

    #[test]
    fn warnings() {
        let annotations = r#","annotations":{"kubernetes.io/ingress.class":"c"}"#;
        let annotated = ingress(annotations, "", "");
        assert_eq!(
            check::warnings(&Ingresses, &annotated, None),
            [
                r#"annotation "kubernetes.io/ingress.class" is deprecated, please use 'spec.ingressClassName' instead"#
            ]
        );
        assert!(
            check::warnings(&Ingresses, &ingress(annotations, r#""ingressClassName":"c""#, ""), None)
                .is_empty()
        );
        assert!(check::warnings(&Ingresses, &annotated, Some(&annotated)).is_empty());
        let addressed = ingress("", "", r#"{"hostname":"h"},{"ip":"010.0.0.1"}"#);
        assert_eq!(
            check::warnings(&Ingresses, &addressed, Some(&ingress("", "", ""))),
            [
                r#"status.loadBalancer.ingress[1]: non-standard IP address "010.0.0.1" is invalid: use "10.0.0.1""#
            ]
        );
    }
}
