//! Rules for jobs, and for the templates of jobs.

use keelson_api::field::{Error, Errors, Path};
use keelson_api::golang::Quoted;
use keelson_api::names::{dns, path};
use keelson_schema::tree::{Object, View};

use super::pod_leniency::Leniency;
use super::same::is_same;
use super::selector::{has_invalid_value, label_selector_with, matches};
use super::workload::counts;
use super::{At, pod_template, workload_job_policy};
use crate::edit::Edit;

/// How many pods with indexes may run at once, and how many may fail.
const PARALLEL_MAX: i64 = 100_000;
/// From how many completions on there may be fewer of both.
const COMPLETIONS_SOFT_MAX: i64 = 100_000;
const PARALLEL_MAX_OF_MANY: i64 = 10_000;
/// How long the name of who looks after a job may be.
const MANAGER_BYTES_MAX: usize = 63;

pub(super) const INDEXED: &str = "Indexed";

/// A new job.
pub(crate) fn create(new: &Object, errors: &mut Errors) {
    selects_own_pods(new, errors);
    job_spec(&At::root(new, "spec"), &Leniency::default(), false, errors);
    name_leaves_room(new, errors);
}

/// A job in the place of a stored one.
pub(crate) fn update(new: &Object, old: &Object, errors: &mut Errors) {
    let (spec, was) = (At::root(new, "spec"), old.view().field("spec"));
    let lenient = pod_template::leniency(was.field("template"));
    let values = lenient.has_selector_values() || has_invalid_value(was.field("selector"));
    job_spec(&spec, &lenient, values, errors);
    completions_keep(&spec, was, errors);
    spec.field("selector").immutable_pointer(was.field("selector"), errors);
    template_keeps(new, old, errors);
    for name in ["completionMode", "podFailurePolicy", "backoffLimitPerIndex", "managedBy", "successPolicy"] {
        spec.field(name).immutable_pointer(was.field(name), errors);
    }
    name_leaves_room(new, errors);
}

/// The selector that was made for a job selects its pods, and the template has the labels for it.
fn selects_own_pods(job: &Object, errors: &mut Errors) {
    let spec = At::root(job, "spec");
    let selector = spec.field("selector");
    if spec.field("manualSelector").is_true() || !selector.is_present() {
        return;
    }
    let metadata = job.view().field("metadata");
    let (uid, name) = (metadata.field("uid").text(), metadata.field("name").text());
    let expected = [
        ("controller-uid", uid),
        ("job-name", name),
        ("batch.kubernetes.io/controller-uid", uid),
        ("batch.kubernetes.io/job-name", name),
    ];
    let template = spec.field("template");
    let metadata = template.field("metadata");
    let labels = metadata.field("labels");
    for (key, value) in expected {
        let label = labels.key(key);
        let words = format!("must be '{value}'");
        if !label.is_present() {
            label.missing(words, errors);
        } else if label.text() != value {
            errors.push(Error::invalid(&label.path, labels.shown(), words));
        }
    }
    // Those labels alone are enough for the selector.
    let mut only = job.clone();
    let mut edit = Edit::object(&mut only);
    let mut edited = edit.made("spec");
    let mut template = edited.made("template");
    let mut metadata = template.made("metadata");
    let all = metadata.map("labels");
    all.retain(|key, _| expected.iter().any(|(expected, _)| *expected == key));
    for (key, value) in expected {
        all.set(key, value.into());
    }
    if matches(selector.view, only.view().path("spec.template.metadata.labels")) == Some(false) {
        selector.invalid("`selector` not auto-generated", errors);
    }
}

/// Pods with indexes have these behind the name of the job.
fn name_leaves_room(job: &Object, errors: &mut Errors) {
    let spec = job.view().field("spec");
    let completions = spec.field("completions").int().unwrap_or(0);
    if spec.field("completionMode").text() != INDEXED || completions <= 0 {
        return;
    }
    let metadata = At::root(job, "metadata");
    let name = metadata.field("name");
    let longest = format!("{}-{}", name.text(), completions - 1);
    if !dns::label(&longest).is_empty() {
        name.invalid(format!("will not able to create pod with invalid DNS label: {longest}"), errors);
    }
}

/// The spec of a job that is there, with its selector.
fn job_spec(spec: &At<'_, '_>, lenient: &Leniency, selector_values: bool, errors: &mut Errors) {
    content(spec, lenient, errors);
    let selector = spec.field("selector");
    if selector.is_present() {
        label_selector_with(&selector, selector_values, errors);
    } else {
        selector.missing("", errors);
    }
    super::workload::selects(&selector, &spec.field("template"), errors);
}

/// The template of a job, which gets a selector of its own.
pub(crate) fn template(template: &At<'_, '_>, lenient: &Leniency, errors: &mut Errors) {
    let spec = template.field("spec");
    content(&spec, lenient, errors);
    let (selector, manual) = (spec.field("selector"), spec.field("manualSelector"));
    if selector.is_present() {
        selector.invalid("`selector` will be auto-generated", errors);
    }
    if manual.is_true() {
        manual.not_supported(&["nil", "false"], errors);
    }
}

/// What is said of a job, be it there or a template.
fn content(spec: &At<'_, '_>, lenient: &Leniency, errors: &mut Errors) {
    let names = [
        "parallelism",
        "completions",
        "activeDeadlineSeconds",
        "backoffLimit",
        "ttlSecondsAfterFinished",
        "backoffLimitPerIndex",
        "maxFailedIndexes",
    ];
    counts(spec, &names, errors);
    let per_index = spec.field("backoffLimitPerIndex");
    if spec.field("maxFailedIndexes").is_present() && !per_index.is_present() {
        per_index.missing("when maxFailedIndexes is specified", errors);
    }
    let manager = spec.field("managedBy");
    if manager.is_present() {
        path::domain_prefixed_path(&manager.path, manager.text(), errors);
        if manager.text().len() > MANAGER_BYTES_MAX {
            errors.push(Error::too_long(&manager.path, MANAGER_BYTES_MAX));
        }
    }
    completion(spec, errors);
    workload_job_policy::policies(spec, errors);
    let template = spec.field("template");
    pod_template::template(&template, lenient, errors);
    restart_policy(spec, &template, errors);
}

/// How many pods have to succeed, and which.
fn completion(spec: &At<'_, '_>, errors: &mut Errors) {
    let mode = spec.field("completionMode");
    if mode.is_present() {
        mode.one_of(&["NonIndexed", INDEXED], errors);
    }
    let (completions, parallelism) = (spec.field("completions"), spec.field("parallelism"));
    let (per_index, failed) = (spec.field("backoffLimitPerIndex"), spec.field("maxFailedIndexes"));
    if matches!(mode.text(), "" | "NonIndexed") {
        for field in [&per_index, &failed] {
            if field.is_present() {
                field.invalid("requires indexed completion mode", errors);
            }
        }
    }
    if mode.text() != INDEXED {
        return;
    }
    if !completions.is_present() {
        completions.missing("when completion mode is Indexed", errors);
    }
    let refuse_above = |field: &At<'_, '_>, max: i64, words: &str, errors: &mut Errors| {
        if field.int().is_some_and(|number| number > max) {
            field.invalid(format!("must be less than or equal to {words}"), errors);
        }
    };
    refuse_above(&parallelism, PARALLEL_MAX, "100000 when completion mode is Indexed", errors);
    if let Some(completions) = completions.int() {
        refuse_above(&failed, completions, "completions", errors);
    }
    refuse_above(&failed, PARALLEL_MAX, "100000", errors);
    if per_index.is_present() && completions.int().is_some_and(|number| number > COMPLETIONS_SOFT_MAX) {
        if !failed.is_present() {
            failed.missing("must be specified when completions is above 100000", errors);
        }
        const WORDS: &str = "10000 when completions are above 100000 and used with backoff limit per index";
        refuse_above(&parallelism, PARALLEL_MAX_OF_MANY, WORDS, errors);
        refuse_above(&failed, PARALLEL_MAX_OF_MANY, WORDS, errors);
    }
}

/// Pods of jobs end, so they are not always restarted.
fn restart_policy(spec: &At<'_, '_>, template: &At<'_, '_>, errors: &mut Errors) {
    let pod = template.field("spec");
    let policy = pod.field("restartPolicy");
    match policy.text() {
        "" | "Always" => policy.missing(r#"valid values: "OnFailure", "Never""#, errors),
        "OnFailure" if spec.field("podFailurePolicy").is_present() => {
            let never = Quoted("Never");
            policy.invalid(format!("only {never} is supported when podFailurePolicy is specified"), errors);
        }
        _ => policy.one_of(&["OnFailure", "Never"], errors),
    }
}

/// How many have to succeed stays; of pods with indexes, as many can be asked for as run at once.
fn completions_keep(spec: &At<'_, '_>, was: View<'_>, errors: &mut Errors) {
    let (completions, was) = (spec.field("completions"), was.field("completions"));
    if spec.field("completionMode").text() != INDEXED {
        return completions.immutable_pointer(was, errors);
    }
    if completions.is_present()
        && completions.int() != was.int()
        && completions.int() != spec.field("parallelism").int()
    {
        completions.invalid("can only be modified in tandem with spec.parallelism", errors);
    }
}

/// The template stays; while a job is held back, some of it can change.
fn template_keeps(new: &Object, old: &Object, errors: &mut Errors) {
    let (spec, was) = (new.view().field("spec"), old.view());
    let is_held = was.path("spec.suspend").is_true();
    let is_true = |kind: &str| {
        let mut conditions = was.path("status.conditions").items();
        conditions.any(|one| one.field("type").text() == kind && one.field("status").text() == "True")
    };
    let can_change = is_held
        && (!was.path("status.startTime").is_present() || is_true("Suspended"))
        && was.path("status.active").int().unwrap_or(0) == 0;
    let mut before = old.clone();
    if can_change {
        take_placing(&mut before, spec.field("template"));
    }
    let path = Path::new("spec");
    if !can_change {
        let template = At { view: spec.field("template"), path: path.child("template") };
        return template.immutable(before.view().path("spec.template"), errors);
    }
    take_resources(&mut before, spec.path("template.spec"));
    let pod = At { view: spec.path("template.spec"), path: path.child("template.spec") };
    if !is_same(pod.view, before.view().path("spec.template.spec")) {
        pod.invalid(super::IMMUTABLE, errors);
    }
}

/// Gives the stored job what the template now says of where its pods are to be.
fn take_placing(before: &mut Object, template: View<'_>) {
    let now = template.field("spec");
    let mut job = Edit::object(before);
    let mut spec = job.made("spec");
    let mut stored = spec.made("template");
    let mut metadata = stored.made("metadata");
    for name in ["labels", "annotations"] {
        metadata.put(name, template.field("metadata").field(name).value().cloned());
    }
    let mut pod = stored.made("spec");
    for name in ["nodeSelector", "tolerations", "schedulingGates"] {
        pod.put(name, now.field(name).value().cloned());
    }
    let nodes = now.path("affinity.nodeAffinity").value().cloned();
    match (now.field("affinity").is_present(), pod.has("affinity")) {
        (_, true) => {
            let mut affinity = pod.made("affinity");
            affinity.put("nodeAffinity", nodes);
            let is_empty = affinity.names().next().is_none();
            if is_empty && !now.field("affinity").is_present() {
                pod.remove("affinity");
            }
        }
        (true, false) => pod.made("affinity").put("nodeAffinity", nodes),
        (false, false) => {}
    }
}

/// Gives the stored job what the template now says of what its containers need.
fn take_resources(before: &mut Object, now: View<'_>) {
    let mut job = Edit::object(before);
    let mut spec = job.made("spec");
    let mut template = spec.made("template");
    let mut pod = template.made("spec");
    for list in ["containers", "initContainers"] {
        let containers = now.field(list);
        if pod.view().field(list).items().len() != containers.items().len() {
            continue;
        }
        for (mut container, now) in pod.items(list).zip(containers.items()) {
            if container.text("name") == now.field("name").text() {
                container.put("resources", now.field("resources").value().cloned());
            }
        }
    }
}
