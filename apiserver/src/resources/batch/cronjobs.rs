//! Cron jobs: jobs made by the clock.

use keelson_api::field::Errors;
use keelson_api::time::UnixMillis;
use keelson_schema::tree::{Object, Value};

use super::jobs;
use crate::cells::{self, Cell, containers, selector};
use crate::edit::Edit;
use crate::meta::meta;
use crate::object_life::Write;
use crate::parts;
use crate::resource::{Column, Deletion, Facts, Generation, Resource, Scope, Subresource, Verb};
use crate::rules;
use crate::warnings::name;

/// The resource.
#[derive(Debug)]
pub(crate) struct CronJobs;

const FACTS: Facts = Facts {
    group: "batch",
    versions: &["v1"],
    stored_as: ("batch", "v1"),
    kind: "CronJob",
    plural: "cronjobs",
    singular: "cronjob",
    short_names: &["cj"],
    categories: &["all"],
    scope: Scope::Namespaced,
    verbs: Verb::ALL,
    deletion_answers: Deletion::Status,
    generation: Generation::OfSpec,
    updates_blindly: true,
    creates_on_update: false,
    subresources: &[Subresource {
        name: "status",
        kind: "CronJob",
        group_version: None,
        verbs: Verb::OF_A_PART,
    }],
    fields: &[],
    columns: &[
        Column::NAME,
        Column::text("Schedule"),
        Column::text("Timezone"),
        Column::boolean("Suspend"),
        Column::integer("Active"),
        Column::text("Last Schedule"),
        Column::text("Age"),
        Column::text("Containers").wide(),
        Column::text("Images").wide(),
        Column::text("Selector").wide(),
    ],
};

impl Resource for CronJobs {
    fn facts(&self) -> &Facts {
        &FACTS
    }

    fn validate_create(&self, new: &Object, errors: &mut Errors) {
        rules::cron::create(new, errors);
    }

    fn validate_update(&self, new: &Object, old: &Object, errors: &mut Errors) {
        rules::cron::update(new, old, errors);
    }

    fn cells(&self, object: &Object, now: UnixMillis) -> Vec<Cell> {
        let (spec, status) = (object.view().field("spec"), object.view().field("status"));
        let job = spec.path("jobTemplate.spec");
        let pods = job.path("template.spec");
        let zone = spec.field("timeZone");
        let last = status.field("lastScheduleTime");
        vec![
            cells::name(object),
            spec.field("schedule").text().into(),
            if zone.is_present() { zone.text() } else { cells::NONE }.into(),
            spec.field("suspend").value().and_then(Value::as_bool).map_or(cells::UNSET, cells::truth).into(),
            cells::count(status.field("active")).into(),
            if last.is_present() { cells::since(last, now) } else { cells::NONE.into() }.into(),
            cells::age_of(object, now),
            containers::names(pods).into(),
            containers::images(pods).into(),
            selector::selector(job.field("selector")).into(),
        ]
    }

    fn default(&self, object: &mut Object) {
        let mut object = Edit::object(object);
        let mut spec = object.made("spec");
        jobs::template(&mut spec.made("jobTemplate").made("spec"));
        spec.default("concurrencyPolicy", "Allow");
        spec.default("suspend", false);
        spec.default("successfulJobsHistoryLimit", 3_i64);
        spec.default("failedJobsHistoryLimit", 1_i64);
    }

    fn prepare_create(&self, new: &mut Object, write: &Write<'_>) {
        parts::forget_status(&FACTS, new);
        jobs::drop_gated(write.features, new, None, &JOB);
    }

    fn prepare_update(&self, new: &mut Object, old: &Object, write: &Write<'_>) {
        parts::keep_status(&FACTS, new, old);
        jobs::drop_gated(write.features, new, Some(old), &JOB);
    }

    fn warn(&self, new: &Object, old: Option<&Object>, warnings: &mut Vec<String>) {
        if old.is_none() {
            name::for_pods(new, warnings);
        }
        if old.is_none_or(|old| meta(old).generation() != meta(new).generation()) {
            jobs::warn_of("spec.jobTemplate.spec", new.view().path("spec.jobTemplate.spec"), warnings);
        }
        if old.is_some() && new.text("spec.schedule").contains("TZ") {
            let words = "cannot use TZ or CRON_TZ in spec.spec.schedule, use timeZone instead, see https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/ for more details";
            warnings.push(words.into());
        }
    }
}

/// Where the `spec` of the jobs is.
const JOB: [&str; 3] = ["spec", "jobTemplate", "spec"];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::resource::check;

    fn object(spec: &str, status: &str) -> String {
        format!(
            r#"{{"apiVersion":"batch/v1","kind":"CronJob","metadata":{{"name":"cj","creationTimestamp":"2029-12-31T21:00:00Z"}},"spec":{{"schedule":"* * * * *"{spec},"jobTemplate":{{"spec":{{"template":{{"spec":{{"containers":[{{"name":"c","image":"i"}}]}}}}}}}}}},"status":{{{status}}}}}"#
        )
    }

    #[test]
    fn cells() {
        let check = |spec: &str, status: &str, expected: serde_json::Value| {
            let mut cells = json!(["cj", "* * * * *"]);
            let cells = cells.as_array_mut().unwrap();
            cells.extend(expected.as_array().unwrap().iter().cloned());
            cells.extend(["3h".into(), "c".into(), "i".into(), "<none>".into()]);
            check::cells(&CronJobs, &object(spec, status), json!(cells));
        };
        check("", "", json!(["<none>", "<unset>", 0, "<none>"]));
        check(
            r#","timeZone":"Etc/UTC","suspend":true"#,
            r#""active":[{"name":"x"},{"name":"y"}],"lastScheduleTime":"2029-12-31T23:59:30Z""#,
            json!(["Etc/UTC", "True", 2, "30s"]),
        );
    }

    #[test]
    fn what_is_left_open_is_filled_in() {
        let mut object = check::object(&object("", ""));
        CronJobs.default(&mut object);
        let mut spec = check::json(&object)["spec"].take();
        let template = spec["jobTemplate"]["spec"]["template"]["spec"]["dnsPolicy"].take();
        assert_eq!(template, "ClusterFirst");
        assert_eq!(
            spec["jobTemplate"]["spec"].as_object().unwrap().len(),
            1,
            "jobs are only filled in when they are made"
        );
        spec.as_object_mut().unwrap().remove("jobTemplate");
        assert_eq!(
            spec,
            json!({"schedule": "* * * * *", "concurrencyPolicy": "Allow", "suspend": false,
                "successfulJobsHistoryLimit": 3, "failedJobsHistoryLimit": 1})
        );
    }

    #[test]
    fn time_zones_in_schedules_are_warned_of() {
        let object = object("", "").replace("* * * * *", "TZ=UTC * * * * *");
        assert_eq!(check::warnings(&CronJobs, &object, None), Vec::<String>::new());
        assert_eq!(check::warnings(&CronJobs, &object, Some(&object)).len(), 1);
    }
}
