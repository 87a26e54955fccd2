//! Rules for jobs that are made again and again.

use keelson_api::field::{Error, Errors};
use keelson_api::schedule::{Schedule, check_zone};
use keelson_schema::tree::{Object, View};

use super::workload::counts;
use super::{At, pod_template, workload_job};

/// Jobs have the time they were made for behind the name, for which there has to be room.
const NAME_BYTES_MAX: usize = 52;

/// A new one.
pub(crate) fn create(new: &Object, errors: &mut Errors) {
    spec(&At::root(new, "spec"), None, errors);
    let metadata = At::root(new, "metadata");
    let name = metadata.field("name");
    if name.text().len() > NAME_BYTES_MAX {
        name.invalid("must be no more than 52 characters", errors);
    }
}

/// One in the place of a stored one.
pub(crate) fn update(new: &Object, old: &Object, errors: &mut Errors) {
    spec(&At::root(new, "spec"), Some(old.view().field("spec")), errors);
}

fn spec(spec: &At<'_, '_>, was: Option<View<'_>>, errors: &mut Errors) {
    let (schedule, zone) = (spec.field("schedule"), spec.field("timeZone"));
    if !schedule.is_empty() {
        format(&schedule, &zone, was, errors);
    }
    counts(spec, &["startingDeadlineSeconds"], errors);
    let is_new_zone = was.is_none_or(|was| was.field("timeZone").value() != zone.view.value());
    if is_new_zone && zone.is_present() {
        time_zone(&zone, errors);
    }
    let policy = spec.field("concurrencyPolicy");
    if policy.require(errors) {
        policy.one_of(&["Allow", "Forbid", "Replace"], errors);
    }
    let lenient =
        was.map(|was| pod_template::leniency(was.path("jobTemplate.spec.template"))).unwrap_or_default();
    workload_job::template(&spec.field("jobTemplate"), &lenient, errors);
    counts(spec, &["successfulJobsHistoryLimit", "failedJobsHistoryLimit"], errors);
    // This comes last, as upstream checks it apart.
    schedule.require(errors);
}

/// The time zone has a field of its own; schedules of old name it themselves.
fn format(schedule: &At<'_, '_>, zone: &At<'_, '_>, was: Option<View<'_>>, errors: &mut Errors) {
    let text = schedule.text();
    if let Err(why) = Schedule::parse(text) {
        schedule.invalid(why.to_string(), errors);
    }
    let named_before = was.is_some_and(|was| was.field("schedule").text().contains("TZ"));
    if text.contains("TZ") {
        if !named_before {
            let words = "cannot use TZ or CRON_TZ in schedule, use timeZone field instead";
            schedule.invalid(words, errors);
        } else if zone.is_present() {
            schedule.invalid("cannot use both timeZone field and TZ or CRON_TZ in schedule", errors);
        }
    }
}

fn time_zone(zone: &At<'_, '_>, errors: &mut Errors) {
    let name = zone.text();
    let mut refuse = |words: String| errors.push(Error::invalid(&zone.path, Some(name), words));
    if name.is_empty() {
        return refuse("timeZone must be nil or non-empty string".into());
    }
    let is_part = |part: &str| {
        (1..=14).contains(&part.len())
            && !matches!(part, "." | "..")
            && !part.starts_with('-')
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_+".contains(&byte))
    };
    if !name.split('/').all(is_part) {
        return refuse(format!("unknown time zone {name}"));
    }
    if name.eq_ignore_ascii_case("local") {
        refuse("timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones".into());
    }
    if let Err(why) = check_zone(name) {
        refuse(why);
    }
}
