//! Certificate signing requests: asks a signer for a certificate.

mod rules;

use keelson_api::duration::Span;
use keelson_api::field::Errors;
use keelson_api::names::object::{self, Rule};
use keelson_api::time::UnixMillis;
use keelson_schema::scalar::time::Time;
use keelson_schema::tree::{Object, Value, View};

use crate::cells::{self, Cell};
use crate::edit::Edit;
use crate::object_life::Write;
use crate::parts;
use crate::resource::{Column, Deletion, Facts, Field, Generation, Resource, Scope, Subresource, Verb};

/// The resource.
#[derive(Debug)]
pub(crate) struct CertificateSigningRequests;

const FACTS: Facts = Facts {
    group: "certificates.k8s.io",
    versions: &["v1"],
    stored_as: ("certificates.k8s.io", "v1"),
    kind: "CertificateSigningRequest",
    plural: "certificatesigningrequests",
    singular: "certificatesigningrequest",
    short_names: &["csr"],
    categories: &[],
    scope: Scope::Cluster,
    verbs: Verb::ALL,
    deletion_answers: Deletion::Status,
    generation: Generation::Absent,
    updates_blindly: true,
    creates_on_update: false,
    subresources: &[
        Subresource {
            name: "approval",
            kind: "CertificateSigningRequest",
            group_version: None,
            verbs: Verb::OF_A_PART,
        },
        Subresource {
            name: "status",
            kind: "CertificateSigningRequest",
            group_version: None,
            verbs: Verb::OF_A_PART,
        },
    ],
    fields: &[Field::new("spec.signerName")],
    columns: &[
        Column::NAME,
        Column::text("Age"),
        Column::text("SignerName"),
        Column::text("Requestor"),
        Column::text("RequestedDuration"),
        Column::text("Condition"),
    ],
};

impl Resource for CertificateSigningRequests {
    fn facts(&self) -> &Facts {
        &FACTS
    }

    fn name_rule(&self) -> Rule {
        object::path_segment
    }

    fn cells(&self, object: &Object, now: UnixMillis) -> Vec<Cell> {
        let spec = object.view().field("spec");
        let asked = spec.field("expirationSeconds").int();
        vec![
            cells::name(object),
            cells::age_of(object, now),
            cells::text_or(spec.field("signerName"), cells::NONE).into(),
            spec.field("username").text().into(),
            asked
                .map_or(cells::NONE.into(), |seconds| Span::from_seconds(seconds).human().to_string())
                .into(),
            state(object.view().field("status")).into(),
        ]
    }

    /// It is the server that says who asks.
    fn prepare_create(&self, new: &mut Object, write: &Write<'_>) {
        parts::forget_status(&FACTS, new);
        let mut object = Edit::object(new);
        let mut spec = object.made("spec");
        spec.set("uid", &*write.caller.uid);
        spec.remove("extra");
        for (key, values) in write.caller.extra.iter() {
            let values = values.iter().map(|value| Value::from(&**value)).collect();
            spec.map("extra").set(key, Value::List(values));
        }
        spec.set("username", &*write.caller.name);
        let groups: thin_vec::ThinVec<Value> =
            write.caller.groups.iter().map(|group| Value::from(&**group)).collect();
        spec.put("groups", Some(Value::List(groups)).filter(|groups| !groups.items().is_empty()));
    }

    /// A request never changes; whoever approves or denies it writes the conditions alone.
    fn prepare_update(&self, new: &mut Object, old: &Object, write: &Write<'_>) {
        parts::keep_content(new, old);
        if write.part == "approval" {
            date_conditions(new, old, write.now);
            let conditions =
                Edit::object(new).part("status").and_then(|mut status| status.remove("conditions"));
            parts::keep_status(&FACTS, new, old);
            Edit::object(new).made("status").put("conditions", conditions);
        } else {
            parts::keep_status(&FACTS, new, old);
        }
    }

    fn fixed(&self) -> &'static [&'static [&'static str]] {
        &[&["spec"], &["status"]]
    }

    fn fixed_by_status(&self) -> &'static [&'static [&'static str]] {
        &[&["spec"], &["status", "conditions"]]
    }

    fn prepare_status(&self, new: &mut Object, old: &Object, write: &Write<'_>) {
        parts::keep_content(new, old);
        for kind in ["Approved", "Denied"] {
            keep_conditions(new, old, kind);
        }
        date_conditions(new, old, write.now);
    }

    fn validate_create(&self, new: &Object, errors: &mut Errors) {
        rules::check(new, None, errors);
    }

    fn validate_update(&self, new: &Object, old: &Object, errors: &mut Errors) {
        rules::check_update(new, old, "", errors);
    }

    fn validate_status(&self, new: &Object, old: &Object, errors: &mut Errors) {
        rules::check_update(new, old, "status", errors);
    }

    fn validate_part(&self, part: &str, new: &Object, old: &Object, errors: &mut Errors) {
        rules::check_update(new, old, part, errors);
    }
}

/// The conditions are not exclusive; a denial counts more than an approval.
fn state(status: View<'_>) -> String {
    let is = |kind: &str| status.field("conditions").items().any(|one| one.field("type").text() == kind);
    let decision = ["Denied", "Approved"].into_iter().find(|kind| is(kind)).unwrap_or("Pending");
    let is_issued =
        status.field("certificate").value().and_then(Value::as_bytes).is_some_and(|it| !it.is_empty());
    let mut state = decision.to_owned();
    for (word, holds) in [(",Failed", is("Failed")), (",Issued", is_issued)] {
        state += if holds { word } else { "" };
    }
    state
}

/// Takes conditions of a kind over from `old` if there are as many as before: who writes the status cannot change them,
/// and it is validation that refuses more or fewer.
fn keep_conditions(new: &mut Object, old: &Object, kind: &str) {
    let places = |object: &Object| -> Vec<usize> {
        let conditions = object.view().path("status.conditions").items().enumerate();
        conditions.filter(|(_, one)| one.field("type").text() == kind).map(|(at, _)| at).collect()
    };
    let (was, is) = (places(old), places(new));
    if was.len() != is.len() {
        return;
    }
    let mut object = Edit::object(new);
    let Some(mut status) = object.part("status") else { return };
    let Some(conditions) = status.get_mut("conditions").and_then(Value::items_mut) else { return };
    for (was, is) in was.into_iter().zip(is) {
        if let Some(kept) = old.view().path("status.conditions").item(was).value() {
            conditions[is] = kept.clone();
        }
    }
}

/// Dates conditions that are not: they were updated now, and have held since now or since they were first met.
fn date_conditions(new: &mut Object, old: &Object, now: Time) {
    let since = |kind: &str, status: &str| {
        let mut conditions = old.view().path("status.conditions").items();
        let found = conditions.find(|one| {
            one.field("type").text() == kind
                && one.field("status").text() == status
                && one.field("lastTransitionTime").is_present()
        });
        found.and_then(|one| one.field("lastTransitionTime").value().and_then(Value::as_time)).unwrap_or(now)
    };
    let mut object = Edit::object(new);
    let Some(mut status) = object.part("status") else { return };
    for mut condition in status.items("conditions") {
        let since = since(condition.text("type"), condition.text("status"));
        condition.default("lastUpdateTime", Value::Time(now));
        condition.default("lastTransitionTime", Value::Time(since));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::resource::check;

    fn request(spec: &str, status: &str) -> String {
        format!(
            r#"{{"apiVersion":"certificates.k8s.io/v1","kind":"CertificateSigningRequest","metadata":{{"name":"x","creationTimestamp":"2029-12-31T23:59:50Z"}},"spec":{{"request":"YQ==","signerName":"s/t"{spec}}},"status":{{{status}}}}}"#
        )
    }

    /// Conditions of these kinds, the times of which are given or left open.
    fn conditions(kinds: &[(&str, &str)]) -> String {
        let one = |(kind, time): &(&str, &str)| {
            let times = match *time {
                "" => r#""lastUpdateTime":null,"lastTransitionTime":null"#.to_owned(),
                time => format!(r#""lastUpdateTime":"{time}","lastTransitionTime":"{time}""#),
            };
            format!(r#"{{"type":"{kind}","status":"True",{times}}}"#)
        };
        format!(r#""conditions":[{}]"#, kinds.iter().map(one).collect::<Vec<_>>().join(","))
    }

    const NOW: &str = "2030-01-01T00:00:00Z";
    const THEN: &str = "2029-01-01T00:00:00Z";

    #[test]
    fn cells() {
        let check = |spec: &str, status: &str, duration: &str, state: &str| {
            check::cells(
                &CertificateSigningRequests,
                &request(spec, status),
                json!(["x", "10s", "s/t", "", duration, state]),
            );
        };
        check("", "", "<none>", "Pending");
        check(r#","expirationSeconds":86400"#, &conditions(&[("Approved", "")]), "24h", "Approved");
        check(
            "",
            &format!(
                r#"{},"certificate":"YQ==""#,
                conditions(&[("Approved", ""), ("Denied", ""), ("Failed", "")])
            ),
            "<none>",
            "Denied,Failed,Issued",
        );
    }

    #[test]
    fn it_is_the_server_that_says_who_asks() {
        let mine = r#","username":"somebody","uid":"1","groups":["g"],"extra":{"k":["v"]}"#;
        let theirs = r#","username":"tester","groups":["testers","system:authenticated"]"#;
        check::create(
            &CertificateSigningRequests,
            &request(mine, &conditions(&[("Approved", "")])),
            &request(theirs, ""),
        );
    }

    #[test]
    fn everybody_writes_their_part() {
        let issued = r#","certificate":"YQ==""#;
        let old = request("", &(conditions(&[("Failed", THEN)]) + issued));
        let new = request(r#","expirationSeconds":700"#, &conditions(&[("Failed", ""), ("Approved", "")]));
        check::update(&CertificateSigningRequests, "", &old, &new, &old);
        let failed = format!(
            r#"{{"type":"Failed","status":"True","lastUpdateTime":"{NOW}","lastTransitionTime":"{THEN}"}}"#
        );
        let approved = format!(
            r#"{{"type":"Approved","status":"True","lastUpdateTime":"{NOW}","lastTransitionTime":"{NOW}"}}"#
        );
        let dated = format!(r#""conditions":[{failed},{approved}]"#);
        check::update(
            &CertificateSigningRequests,
            "approval",
            &old,
            &new,
            &request("", &(dated.clone() + issued)),
        );
        check::update(&CertificateSigningRequests, "status", &old, &new, &request("", &dated));
    }

    #[test]
    fn decisions_are_not_changed_with_the_status() {
        let old = request("", &conditions(&[("Approved", THEN)]));
        let new = request("", &conditions(&[("Failed", NOW), ("Approved", NOW)]));
        let expected = request("", &conditions(&[("Failed", NOW), ("Approved", THEN)]));
        check::update(&CertificateSigningRequests, "status", &old, &new, &expected);
    }
}
