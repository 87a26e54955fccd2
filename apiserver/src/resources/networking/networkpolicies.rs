//! Network policies: who may talk to which pods.

mod rules;

use keelson_api::field::{Errors, Path};
use keelson_api::names::address;
use keelson_api::time::UnixMillis;
use keelson_schema::tree::{Object, Value};

use crate::cells::{self, Cell, selector};
use crate::edit::Edit;
use crate::resource::{Column, Deletion, Facts, Generation, Resource, Scope, Verb};

/// The resource.
#[derive(Debug)]
pub(crate) struct NetworkPolicies;

const FACTS: Facts = Facts {
    group: "networking.k8s.io",
    versions: &["v1"],
    stored_as: ("networking.k8s.io", "v1"),
    kind: "NetworkPolicy",
    plural: "networkpolicies",
    singular: "networkpolicy",
    short_names: &["netpol"],
    categories: &[],
    scope: Scope::Namespaced,
    verbs: Verb::ALL,
    deletion_answers: Deletion::Status,
    generation: Generation::OfSpec,
    updates_blindly: true,
    creates_on_update: false,
    subresources: &[],
    fields: &[],
    columns: &[Column::NAME, Column::text("Pod-Selector"), Column::text("Age")],
};

impl Resource for NetworkPolicies {
    fn facts(&self) -> &Facts {
        &FACTS
    }

    fn counts_empty_lists(&self) -> bool {
        true
    }

    fn cells(&self, object: &Object, now: UnixMillis) -> Vec<Cell> {
        let pods = selector::selector(object.view().path("spec.podSelector"));
        vec![cells::name(object), pods.into(), cells::age_of(object, now)]
    }

    fn default(&self, object: &mut Object) {
        let mut object = Edit::object(object);
        let mut spec = object.made("spec");
        for direction in ["ingress", "egress"] {
            for mut rule in spec.items(direction) {
                rule.items("ports").for_each(|mut port| port.default("protocol", "TCP"));
            }
        }
        if cells::count(spec.view().field("policyTypes")) == 0 {
            let egress = (cells::count(spec.view().field("egress")) > 0).then_some("Egress");
            let types = ["Ingress"].into_iter().chain(egress).map(Value::from).collect();
            spec.set("policyTypes", Value::List(types));
        }
    }

    fn warn(&self, new: &Object, _: Option<&Object>, warnings: &mut Vec<String>) {
        let path = Path::new("spec");
        for (direction, peers) in [("ingress", "from"), ("egress", "to")] {
            let path = path.child(direction);
            for (at, rule) in new.view().field("spec").field(direction).items().enumerate() {
                let path = path.index(at);
                let path = path.child(peers);
                for (at, peer) in rule.field(peers).items().enumerate() {
                    let (path, block) = (path.index(at), peer.field("ipBlock"));
                    let path = path.child("ipBlock");
                    if block.is_present() {
                        let range = block.field("cidr").text();
                        warnings.extend(address::cidr_warnings(&path.child("cidr"), range));
                    }
                    for (at, except) in block.field("except").items().enumerate() {
                        let path = path.child("except");
                        warnings.extend(address::cidr_warnings(&path.index(at), except.text()));
                    }
                }
            }
        }
    }

    fn validate_create(&self, new: &Object, errors: &mut Errors) {
        rules::check(new, None, errors);
    }

    fn validate_update(&self, new: &Object, old: &Object, errors: &mut Errors) {
        rules::check(new, Some(old), errors);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::resource::check;

    fn policy(spec: &str) -> String {
        format!(
            r#"{{"apiVersion":"networking.k8s.io/v1","kind":"NetworkPolicy","metadata":{{"name":"p","creationTimestamp":"2029-12-31T23:59:50Z"}},"spec":{{{spec}}}}}"#
        )
    }

    #[test]
    fn cells() {
        check::cells(&NetworkPolicies, &policy(r#""podSelector":{}"#), json!(["p", "<none>", "10s"]));
        check::cells(
            &NetworkPolicies,
            &policy(r#""podSelector":{"matchLabels":{"a":"b"}}"#),
            json!(["p", "a=b", "10s"]),
        );
    }

    #[test]
    fn what_is_left_open_is_filled_in() {
        check::default(&NetworkPolicies, &policy(""), &policy(r#""policyTypes":["Ingress"]"#));
        check::default(
            &NetworkPolicies,
            &policy(
                r#""ingress":[{"ports":[{"port":80}]}],"egress":[{"ports":[{"protocol":"UDP","port":53},{}]}]"#,
            ),
            &policy(
                r#""ingress":[{"ports":[{"protocol":"TCP","port":80}]}],"egress":[{"ports":[{"protocol":"UDP","port":53},{"protocol":"TCP"}]}],"policyTypes":["Ingress","Egress"]"#,
            ),
        );
        let only_egress = policy(r#""policyTypes":["Egress"]"#);
        check::default(&NetworkPolicies, &only_egress, &only_egress);
    }

    #[test]
    fn ranges_written_unusually_are_warned_of() {
        let policy = policy(
            r#""egress":[{},{"to":[{"ipBlock":{"cidr":"10.0.0.0/8","except":["10.1.0.0/16","10.1.2.3/16"]}}]}]"#,
        );
        assert_eq!(
            check::warnings(&NetworkPolicies, &policy, None),
            [
                r#"spec.egress[1].to[0].ipBlock.except[1]: CIDR value "10.1.2.3/16" is ambiguous in this context (should be "10.1.0.0/16" or "10.1.2.3/32"?)"#
            ]
        );
    }
}
