//! Of a CronJob that forbids it no two jobs run at once.

use super::{Check, Write};
use crate::world::{Object, World};

pub(super) struct CronJobs;

impl Check for CronJobs {
    fn look(&mut self, world: &World, write: &Write<'_>) -> Vec<String> {
        let Some(job) = write.made().filter(|_| write.resource == "jobs.batch") else { return Vec::new() };
        let owner = world.by_uid("cronjobs.batch", job.space(), job.owner("CronJob"));
        let Some(owner) = owner.filter(|owner| owner.text("spec/concurrencyPolicy") == "Forbid") else {
            return Vec::new();
        };
        let jobs = world.of("jobs.batch", owner.uid());
        let is_over = |job: &serde_json::Value| {
            job.condition("Complete") == "True" || job.condition("Failed") == "True"
        };
        let other =
            jobs.iter().find(|other| other.uid() != job.uid() && !is_over(other) && !other.is_deleting());
        other
            .map(|other| format!("job {} was made while {} is not over", write.path, other.name()))
            .into_iter()
            .collect()
    }
}
