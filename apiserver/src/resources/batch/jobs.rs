//! Jobs: pods that are to finish.

use keelson_api::duration::Span;
use keelson_api::field::{Errors, Path};
use keelson_api::options::Propagation;
use keelson_api::time::UnixMillis;
use keelson_schema::tree::{Entries, Object, Value, View};

use crate::cells::{self, Cell, containers, selector};
use crate::defaults::gated::{self, Gate};
use crate::defaults::pod;
use crate::edit::Edit;
use crate::features::Features;
use crate::meta::meta;
use crate::object_life::Write;
use crate::parts;
use crate::resource::{Column, Deletion, Facts, Field, Generation, Resource, Scope, Subresource, Verb};
use crate::rules::{self, At};
use crate::warnings::{name, pod as pods};

/// The resource.
#[derive(Debug)]
pub(crate) struct Jobs;

const FACTS: Facts = Facts {
    group: "batch",
    versions: &["v1"],
    stored_as: ("batch", "v1"),
    kind: "Job",
    plural: "jobs",
    singular: "job",
    short_names: &[],
    categories: &["all"],
    scope: Scope::Namespaced,
    verbs: Verb::ALL,
    deletion_answers: Deletion::Status,
    generation: Generation::OfSpec,
    updates_blindly: true,
    creates_on_update: false,
    subresources: &[Subresource { name: "status", kind: "Job", group_version: None, verbs: Verb::OF_A_PART }],
    fields: &[Field::new("status.successful").or("0")],
    columns: &[
        Column::NAME,
        Column::text("Status"),
        Column::text("Completions"),
        Column::text("Duration"),
        Column::text("Age"),
        Column::text("Containers").wide(),
        Column::text("Images").wide(),
        Column::text("Selector").wide(),
    ],
};

impl Resource for Jobs {
    fn facts(&self) -> &Facts {
        &FACTS
    }

    fn validate_create(&self, new: &Object, errors: &mut Errors) {
        // Upstream's job takes the labels of its pods before it is looked at, if there are any of its writer's.
        let labels = new.view().path("spec.template.metadata.labels");
        let is_own = |label: &&str| !NAME_LABELS.contains(label) && !UID_LABELS.contains(label);
        let mut written = labels.value().and_then(Value::as_map).into_iter().flat_map(Entries::iter);
        if takes_labels(new) && written.any(|(label, _)| is_own(&label.as_str())) {
            let metadata = Path::new("metadata");
            rules::selector::labels(&At { view: labels, path: metadata.child("labels") }, errors);
        }
        rules::workload_job::create(new, errors);
    }

    fn validate_update(&self, new: &Object, old: &Object, errors: &mut Errors) {
        rules::workload_job::update(new, old, errors);
    }

    fn validate_status(&self, new: &Object, old: &Object, errors: &mut Errors) {
        rules::workload_job_status::update(new, old, errors);
    }

    /// Its first clients did not know that dependents can go with it.
    fn default_propagation(&self) -> Option<Propagation> {
        Some(Propagation::Orphan)
    }

    fn deletion_warning(&self) -> Option<&'static str> {
        Some(
            "child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to remove \
             them or set propagationPolicy=Orphan to suppress this warning",
        )
    }

    fn cells(&self, object: &Object, now: UnixMillis) -> Vec<Cell> {
        let spec = object.view().field("spec");
        let pods = spec.path("template.spec");
        vec![
            cells::name(object),
            state(object).into(),
            completions(object).into(),
            duration(object.view().field("status"), now).into(),
            cells::age_of(object, now),
            containers::names(pods).into(),
            containers::images(pods).into(),
            selector::selector(spec.field("selector")).into(),
        ]
    }

    fn default(&self, object: &mut Object) {
        let mut object = Edit::object(object);
        let mut spec = object.made("spec");
        template(&mut spec);
        if !spec.has("parallelism") {
            spec.default("completions", 1_i64);
        }
        spec.default("parallelism", 1_i64);
        let backoff = if spec.has("backoffLimitPerIndex") { i64::from(i32::MAX) } else { BACKOFF_LIMIT };
        spec.default("backoffLimit", backoff);
        spec.default("completionMode", "NonIndexed");
        spec.default("suspend", false);
        let policy = if spec.has("podFailurePolicy") { "Failed" } else { "TerminatingOrFailed" };
        spec.default("podReplacementPolicy", policy);
        spec.default("manualSelector", false);
    }

    fn gates(&self) -> &'static [&'static [Gate]] {
        &[GATES]
    }

    fn prepare_create(&self, new: &mut Object, write: &Write<'_>) {
        let is_manual = new.view().path("spec.manualSelector").is_true();
        if !is_manual {
            select_own_pods(new);
        }
        parts::forget_status(&FACTS, new);
        drop_gated(write.features, new, None, &["spec"]);
    }

    fn as_owned(&self, new: &Object) -> Option<Object> {
        // Its labels count as written by whoever writes the template's, before those are added that tell its pods apart.
        takes_labels(new).then(|| {
            let mut whole = new.clone();
            take_labels(&mut whole);
            whole
        })
    }

    fn complete(&self, new: &mut Object) {
        if takes_labels(new) {
            take_labels(new);
        }
    }

    fn prepare_update(&self, new: &mut Object, old: &Object, write: &Write<'_>) {
        if takes_labels(new) {
            take_labels(new);
        }
        parts::keep_status(&FACTS, new, old);
        drop_gated(write.features, new, Some(old), &["spec"]);
    }

    fn prepare_status(&self, new: &mut Object, old: &Object, _: &Write<'_>) {
        if takes_labels(new) {
            take_labels(new);
        }
        parts::keep_content(new, old);
    }

    fn warn(&self, new: &Object, old: Option<&Object>, warnings: &mut Vec<String>) {
        if old.is_none() {
            name::for_pods(new, warnings);
        }
        if old.is_none_or(|old| meta(old).generation() != meta(new).generation()) {
            warn_of("spec", new.view().field("spec"), warnings);
        }
    }
}

/// How often the pods of a job may fail.
const BACKOFF_LIMIT: i64 = 6;
/// More completions than this, by more pods at once than that, may be too many to keep account of.
const COMPLETIONS_MAX: i64 = 100_000;
const PARALLELISM_MAX: i64 = 10_000;

/// Labels that name the job, and those that identify it: as they are, and as they were once.
const NAME_LABELS: [&str; 2] = ["batch.kubernetes.io/job-name", "job-name"];
const UID_LABELS: [&str; 2] = [UID_LABEL, "controller-uid"];
const UID_LABEL: &str = "batch.kubernetes.io/controller-uid";

/// Fields of a job's `spec` that belong to features that are off.
const GATES: &[Gate] = &[Gate::off("WorkloadWithJob", &["scheduling"])];

/// Fills in what the template of a job is given wherever it stands; `spec` is the job's.
pub(super) fn template(spec: &mut Edit<'_>) {
    pod::template(&mut spec.made("template"));
    if let Some(mut policy) = spec.part("podFailurePolicy") {
        for mut rule in policy.items("rules") {
            rule.items("onPodConditions").for_each(|mut pattern| pattern.default("status", "True"));
        }
    }
}

/// Drops what belongs to features that are off from the job's `spec` at `path`.
pub(super) fn drop_gated(features: &Features, new: &mut Object, old: Option<&Object>, path: &[&str]) {
    let template: Vec<&str> = path.iter().copied().chain(["template"]).collect();
    gated::template(features, new, old, &template);
    let old = old.map(|old| path.iter().fold(old.view(), |view, name| view.field(name)));
    gated::at(new, path, &mut |spec| gated::drop(features, spec, old, GATES));
}

/// Warns of what is unwise in a job's `spec` at `path`.
pub(super) fn warn_of(path: &str, spec: View<'_>, warnings: &mut Vec<String>) {
    let is_large = spec.field("completionMode").text() == "Indexed"
        && cells::integer(spec.field("completions")) > COMPLETIONS_MAX
        && cells::integer(spec.field("parallelism")) > PARALLELISM_MAX;
    if is_large {
        warnings.push(format!(
            "{path}: In Indexed Jobs with a number of completions higher than 10^5 and a parallelism higher than 10^4, Kubernetes might not be able to track completedIndexes when a big number of indexes fail"
        ));
    }
    pods::of_pod(spec.field("template"), &format!("{path}.template."), warnings);
}

/// Whether a job has no labels, and its pods have some it can take.
fn takes_labels(job: &Object) -> bool {
    let has = |path: &str| cells::count(job.view().path(path)) > 0;
    !has("metadata.labels") && has("spec.template.metadata.labels")
}

fn take_labels(job: &mut Object) {
    let labels = job.get("spec.template.metadata.labels").cloned();
    Edit::object(job).made("metadata").put("labels", labels);
}

/// Makes the job's pods known by its name and identity, and selects them by the latter.
fn select_own_pods(job: &mut Object) {
    let (name, uid) = (meta(job).name().to_owned(), meta(job).uid().to_owned());
    let add = |labels: &mut Entries, names: &[&str], text: &str| {
        for label in names {
            if labels.get(label).is_none() {
                labels.set(label, Value::from(text));
            }
        }
    };
    let mut job = Edit::object(job);
    let mut spec = job.made("spec");
    {
        let mut template = spec.made("template");
        let mut metadata = template.made("metadata");
        let labels = metadata.map("labels");
        add(labels, &NAME_LABELS, &name);
        add(labels, &UID_LABELS, &uid);
    }
    add(spec.made("selector").map("matchLabels"), &[UID_LABEL], &uid);
}

fn state(job: &Object) -> &'static str {
    let is = |condition: &str| {
        let mut conditions = job.view().path("status.conditions").items();
        conditions.any(|it| it.field("type").text() == condition && it.field("status").text() == "True")
    };
    // In order of precedence; being told to go ranks below the outcome and above everything on the way to it.
    match ["Complete", "Failed"].into_iter().find(|outcome| is(outcome)) {
        Some(outcome) => outcome,
        None if meta(job).deletion_timestamp().is_some() => "Terminating",
        None => {
            let stages = ["Suspended", "FailureTarget", "SuccessCriteriaMet"];
            stages.into_iter().find(|stage| is(stage)).unwrap_or("Running")
        }
    }
}

fn completions(job: &Object) -> String {
    let spec = job.view().field("spec");
    let succeeded = cells::integer(job.view().path("status.succeeded"));
    match (spec.field("completions").int(), cells::integer(spec.field("parallelism"))) {
        (Some(wanted), _) => format!("{succeeded}/{wanted}"),
        (None, parallelism) if parallelism > 1 => format!("{succeeded}/1 of {parallelism}"),
        (None, _) => format!("{succeeded}/1"),
    }
}

fn duration(status: View<'_>, now: UnixMillis) -> String {
    let time = |name: &str| status.field(name).value().and_then(Value::as_time);
    match (time("startTime"), time("completionTime")) {
        (None, _) => String::new(),
        (Some(start), None) => cells::age(Some(start), now),
        (Some(start), Some(end)) => Span::from_seconds(end.seconds - start.seconds).human().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::resource::check;

    const UID: &str = "9d234dc4-8432-440f-9ec5-8b865974e612";

    fn job(metadata: &str, spec: &str, status: &str) -> String {
        format!(
            r#"{{"apiVersion":"batch/v1","kind":"Job","metadata":{{"name":"jo","uid":"{UID}","creationTimestamp":"2029-12-31T23:50:00Z"{metadata}}},"spec":{{{spec}}},"status":{{{status}}}}}"#
        )
    }

    fn check_cells(metadata: &str, spec: &str, status: &str, expected: [&str; 3]) {
        let spec = format!(r#"{spec}"template":{{"spec":{{"containers":[{{"name":"c","image":"i"}}]}}}}"#);
        let [state, completions, duration] = expected;
        check::cells(
            &Jobs,
            &job(metadata, &spec, status),
            json!(["jo", state, completions, duration, "10m", "c", "i", "<none>"]),
        );
    }

    #[test]
    fn cells() {
        let condition = |name: &str| format!(r#""conditions":[{{"type":"{name}","status":"True"}}]"#);
        let gone = r#","deletionTimestamp":"2029-12-31T23:59:00Z","deletionGracePeriodSeconds":0"#;
        check_cells("", "", "", ["Running", "0/1", ""]);
        check_cells("", r#""parallelism":3,"#, "", ["Running", "0/1 of 3", ""]);
        check_cells(
            "",
            r#""completions":5,"#,
            r#""succeeded":2,"startTime":"2029-12-31T23:59:00Z""#,
            ["Running", "2/5", "60s"],
        );
        check_cells(
            gone,
            "",
            &format!(
                r#"{},"startTime":"2029-12-31T23:50:00Z","completionTime":"2029-12-31T23:55:30Z""#,
                condition("Complete")
            ),
            ["Complete", "0/1", "5m30s"],
        );
        check_cells(gone, "", &condition("Suspended"), ["Terminating", "0/1", ""]);
        for state in ["Failed", "Suspended", "FailureTarget", "SuccessCriteriaMet"] {
            check_cells("", "", &condition(state), [state, "0/1", ""]);
        }
    }

    #[test]
    fn what_is_left_open_is_filled_in() {
        let check = |spec: &str, expected: serde_json::Value| {
            let mut object = check::object(&job("", spec, ""));
            Jobs.default(&mut object);
            let mut spec = check::json(&object)["spec"].take();
            spec.as_object_mut().unwrap().remove("template");
            assert_eq!(spec, expected);
        };
        check(
            "",
            json!({"parallelism": 1, "completions": 1, "backoffLimit": 6, "completionMode": "NonIndexed", "suspend": false,
                "podReplacementPolicy": "TerminatingOrFailed", "manualSelector": false}),
        );
        check(
            r#""parallelism":3,"backoffLimitPerIndex":1,"podFailurePolicy":{"rules":[{"action":"Ignore","onPodConditions":[{"type":"t"}]}]}"#,
            json!({"parallelism": 3, "backoffLimit": 2_147_483_647, "backoffLimitPerIndex": 1, "completionMode": "NonIndexed",
                "podFailurePolicy": {"rules": [{"action": "Ignore", "onPodConditions": [{"type": "t", "status": "True"}]}]},
                "suspend": false, "podReplacementPolicy": "Failed", "manualSelector": false}),
        );
    }

    /// Labels of the job and of its pods.
    fn labelled(job_labels: &str, labels: &str, more: &str) -> String {
        job(
            &format!(r#","labels":{{{job_labels}}}"#),
            &format!(r#"{more}"template":{{"metadata":{{"labels":{{{labels}}}}},"spec":{{}}}}"#),
            "",
        )
    }

    #[test]
    fn pods_are_known_by_their_job() {
        let own = format!(
            r#""batch.kubernetes.io/controller-uid":"{UID}","batch.kubernetes.io/job-name":"jo","controller-uid":"{UID}","job-name":"jo""#
        );
        let selector =
            format!(r#""selector":{{"matchLabels":{{"batch.kubernetes.io/controller-uid":"{UID}"}}}},"#);
        let all = format!(r#"{own},"q":"r""#);
        check::create(&Jobs, &labelled("", r#""q":"r""#, ""), &labelled(&all, &all, &selector));
        check::create(&Jobs, &labelled("", "", ""), &labelled(&own, &own, &selector));
        check::create(
            &Jobs,
            &labelled(r#""x":"y""#, r#""q":"r""#, ""),
            &labelled(r#""x":"y""#, &all, &selector),
        );
        let manual = r#""manualSelector":true,"#;
        check::create(
            &Jobs,
            &labelled("", r#""q":"r""#, manual),
            &labelled(r#""q":"r""#, r#""q":"r""#, manual),
        );
    }

    #[test]
    fn what_belongs_to_a_feature_that_is_off_is_dropped() {
        let spec =
            |scheduling: &str| format!(r#""manualSelector":true,{scheduling}"template":{{"spec":{{}}}}"#);
        let with = spec(r#""scheduling":{"schedulingPolicy":{"basic":{}}},"#);
        check::create(&Jobs, &job("", &with, ""), &job("", &spec(""), ""));
        check::update(&Jobs, "", &job("", &with, ""), &job("", &with, ""), &job("", &with, ""));
    }

    #[test]
    fn jobs_too_large_to_keep_account_of_are_warned_of() {
        let large = job(
            "",
            r#""completionMode":"Indexed","completions":100001,"parallelism":10001,"template":{}"#,
            "",
        );
        let warnings = check::warnings(&Jobs, &large, None);
        assert!(warnings.len() == 1 && warnings[0].starts_with("spec: In Indexed Jobs"), "{warnings:?}");
        assert!(check::warnings(&Jobs, &large, Some(&large)).is_empty());
    }
}
