//! Cron jobs: jobs that are made when their time has come.
//!
//! A job's name says for which minute it was made, so that none is made twice; what the status says of a job follows
//! from the job itself, so that nothing is lost between making it and noting it.

mod calendar;
mod due;
mod plan;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use keelson_api::time::UnixMillis;
use keelson_client::{Cache, Caches, Key};

use crate::driver::{Controller, Inputs};
use crate::plan::Plan;
use crate::replicaset::{BY_CONTROLLER, concerned, index};
use crate::views::cronjob::CronJob;
use crate::views::job::Job;

/// The controller.
pub(crate) struct CronJobs {
    crons: Arc<Cache<CronJob>>,
    jobs: Arc<Cache<Job>>,
}

impl CronJobs {
    pub(crate) fn new(caches: &Caches) -> Self {
        let new = Self { crons: caches.of(), jobs: caches.of() };
        index(&new.jobs);
        new
    }
}

impl Controller for CronJobs {
    fn inputs(&self, inputs: &Inputs) {
        inputs.own(&self.crons);
        let crons = Arc::clone(&self.crons);
        inputs.map(&self.jobs, move |change| {
            let metas = [change.old, change.new].map(|job| job.map(|job| &job.metadata));
            concerned(&crons, metas, |_, _| false)
        });
    }

    fn plan(&self, key: &Key, now: UnixMillis) -> Plan {
        let Some(cron) = self.crons.get(key) else { return Plan::nothing() };
        let jobs = self.jobs.by(BY_CONTROLLER, &cron.metadata.uid);
        let is_taken = |name: &str| self.jobs.get(&Key::new(key.namespace(), name)).is_some();
        plan::plan(&cron, &jobs, &is_taken, now)
    }
}
