//! Rules for when a job has failed or succeeded by what becomes of its pods.

use std::collections::HashSet;

use keelson_api::field::{Error, Errors, Value as Shown};
use keelson_api::names::label;

use super::workload_job::INDEXED;
use super::{At, workload_indexes};

const RULES_MAX: usize = 20;
const CODES_MAX: usize = 255;
const PATTERNS_MAX: usize = 20;
const INDEXES_BYTES_MAX: usize = 64 * 1024;

/// All policies of a job.
pub(super) fn policies(spec: &At<'_, '_>, errors: &mut Errors) {
    let (failure, success) = (spec.field("podFailurePolicy"), spec.field("successPolicy"));
    if failure.is_present() {
        failure_policy(spec, &failure, errors);
    }
    if success.is_present() {
        if spec.field("completionMode").text() == INDEXED {
            success_policy(spec, &success, errors);
        } else {
            success.invalid("requires indexed completion mode", errors);
        }
    }
    let replacement = spec.field("podReplacementPolicy");
    if replacement.is_present() {
        let all: &[&str] =
            if failure.is_present() { &["Failed"] } else { &["Failed", "TerminatingOrFailed"] };
        replacement.one_of(all, errors);
    }
}

fn too_many(list: &At<'_, '_>, max: usize, errors: &mut Errors) {
    if list.len() > max {
        errors.push(Error::too_many(&list.path, list.len(), max));
    }
}

/// One of these, which messages list in two ways.
fn choice(of: &At<'_, '_>, supported: &[&str], errors: &mut Errors) {
    if of.is_empty() {
        let all: Vec<String> = supported.iter().map(|word| format!("{word:?}")).collect();
        of.missing(format!("valid values: [{}]", all.join(" ")), errors);
    } else {
        of.one_of(supported, errors);
    }
}

const ACTIONS: &[&str] = &["Count", "FailIndex", "FailJob", "Ignore"];

fn failure_policy(spec: &At<'_, '_>, policy: &At<'_, '_>, errors: &mut Errors) {
    let rules = policy.field("rules");
    too_many(&rules, RULES_MAX, errors);
    let pod = spec.view.path("template.spec");
    let containers = pod.field("containers").items().chain(pod.field("initContainers").items());
    let names: HashSet<&str> = containers.map(|container| container.field("name").text()).collect();
    for rule in rules.items() {
        let action = rule.field("action");
        if action.text() == "FailIndex" && !spec.field("backoffLimitPerIndex").is_present() {
            action.invalid("requires the backoffLimitPerIndex to be set", errors);
        }
        choice(&action, ACTIONS, errors);
        let (codes, conditions) = (rule.field("onExitCodes"), rule.field("onPodConditions"));
        if codes.is_present() {
            exit_codes(&codes, &names, errors);
        }
        too_many(&conditions, PATTERNS_MAX, errors);
        for pattern in conditions.items() {
            pattern.field("type").keep_to_shown(label::key, errors);
            choice(&pattern.field("status"), &["False", "True", "Unknown"], errors);
        }
        let words = match (codes.is_present(), !conditions.is_empty()) {
            (true, true) => "specifying both OnExitCodes and OnPodConditions is not supported",
            (false, false) => "specifying one of OnExitCodes and OnPodConditions is required",
            _ => continue,
        };
        errors.push(Error::invalid(&rule.path, Shown::Omitted, words));
    }
}

fn exit_codes(codes: &At<'_, '_>, containers: &HashSet<&str>, errors: &mut Errors) {
    let (operator, container) = (codes.field("operator"), codes.field("containerName"));
    choice(&operator, &["In", "NotIn"], errors);
    if container.is_present() && !containers.contains(container.text()) {
        let words = "must be one of the container or initContainer names in the pod template";
        errors.push(Error::invalid(&container.path, container.text(), words));
    }
    let values = codes.field("values");
    if values.is_empty() {
        values.invalid("at least one value is required", errors);
    }
    too_many(&values, CODES_MAX, errors);
    let (mut seen, mut before, mut is_ordered) = (HashSet::new(), None, true);
    for value in values.items() {
        let code = value.int().unwrap_or(0);
        if operator.text() == "In" && code == 0 {
            value.invalid("must not be 0 for the In operator", errors);
        }
        if !seen.insert(code) {
            value.duplicate(errors);
        }
        is_ordered &= before.is_none_or(|before| before <= code);
        before = Some(code);
    }
    if !is_ordered {
        values.invalid("must be ordered", errors);
    }
}

fn success_policy(spec: &At<'_, '_>, policy: &At<'_, '_>, errors: &mut Errors) {
    let rules = policy.field("rules");
    let words = "at least one rules must be specified when the successPolicy is specified";
    rules.require_saying(words, errors);
    too_many(&rules, RULES_MAX, errors);
    // Without completions, upstream breaks off; that they are missing has been said.
    let Some(completions) = spec.field("completions").int() else { return };
    for rule in rules.items() {
        let (count, indexes) = (rule.field("succeededCount"), rule.field("succeededIndexes"));
        if !count.is_present() && !indexes.is_present() {
            let words = "at least one of succeededCount or succeededIndexes must be specified";
            rule.missing(words, errors);
        }
        let mut total = 0;
        if indexes.is_present() {
            if indexes.text().len() > INDEXES_BYTES_MAX {
                errors.push(Error::too_long(&indexes.path, INDEXES_BYTES_MAX));
            }
            match workload_indexes::count(indexes.text(), completions) {
                Ok(count) => total = count,
                Err(why) => indexes.invalid(format!("error parsing succeededIndexes: {why}"), errors),
            }
        }
        count.non_negative(errors);
        let Some(number) = count.int() else { continue };
        if number > completions {
            let words =
                format!("must be less than or equal to {completions} (the number of specified completions)");
            count.invalid(words, errors);
        }
        if indexes.is_present() && number > total {
            let words = format!(
                "must be less than or equal to {total} (the number of indexes in the specified succeededIndexes field)"
            );
            count.invalid(words, errors);
        }
    }
}
