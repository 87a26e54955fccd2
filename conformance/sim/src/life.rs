//! The components of a cluster: they begin, die when the network says so, and begin again.

use std::sync::Arc;
use std::time::Duration;

use keelson_api::time::Clock;
use keelson_apiserver::caller::Caller;
use keelson_apiserver::server::ApiServer;
use keelson_client::Key;
use keelson_client::lease::Election;
use keelson_store::fault::Random;
use parking_lot::Mutex;
use tokio::task::{JoinError, JoinSet};
use tokio::time::sleep;

use crate::network::Network;

/// How long it takes at most until somebody begins again who died, in milliseconds.
const DEAD_MILLIS_MAX: u64 = 8000;

/// What a component is.
#[derive(Clone, Debug)]
pub(crate) enum What {
    /// All controllers; with a lease, if there is another one.
    Controllers { alone: bool },
    /// The scheduler, likewise.
    Scheduler { alone: bool },
    /// Hollow nodes: how many, and what each of them has.
    Nodes { count: u32, shape: &'static str },
}

/// Everything that components are made of.
pub(crate) struct Ground {
    pub(crate) network: Arc<Network>,
    pub(crate) server: ApiServer,
    pub(crate) clock: Clock,
    pub(crate) random: Mutex<Random>,
}

type Ended = Result<(), String>;

impl Ground {
    /// Lives as this component for ever: one life after the other.
    pub(crate) async fn live(self: Arc<Self>, name: &'static str, what: What) {
        loop {
            let (life, died) = self.network.begins(name);
            self.note(&format!("{name}.{life} begins"));
            let mut running = JoinSet::new();
            let work = Arc::clone(&self).work(name, life, what.clone());
            running.spawn(work);
            let ended = tokio::select! {
                biased;
                () = died.notified() => None,
                ended = running.join_next() => ended,
            };
            self.network.ended(name);
            match ended {
                None => self.note(&format!("{name}.{life} dies")),
                Some(ended) => self.judge(name, life, ended),
            }
            running.shutdown().await;
            let wait = self.random.lock().below(DEAD_MILLIS_MAX);
            sleep(Duration::from_millis(wait)).await;
        }
    }

    fn note(&self, line: &str) {
        self.network.history.lock().note(line);
    }

    fn judge(&self, name: &str, life: u32, ended: Result<Ended, JoinError>) {
        let mut history = self.network.history.lock();
        match ended {
            // A lease that was lost is no defect.
            Ok(Err(why)) if why.contains("lease") => history.note(&format!("{name}.{life} ends: {why}")),
            Ok(ended) => history.wrong(format!("{name}.{life} ended by itself: {ended:?}")),
            Err(error) => history.wrong(format!("{name}.{life} ran into a defect: {error}")),
        }
    }

    async fn work(self: Arc<Self>, name: &'static str, life: u32, what: What) -> Ended {
        match what {
            What::Controllers { alone } => {
                let parts = self.controllers(name, life, alone);
                keelson_controllers::run(parts, std::future::pending())
                    .await
                    .map_err(|error| error.to_string())
            }
            What::Scheduler { alone } => {
                let seed = self.random.lock().draw();
                let parts = keelson_scheduler::Parts {
                    client: self.client((name, life), "kube-scheduler", "system:kube-scheduler"),
                    clock: self.clock.clone(),
                    instance: name.into(),
                    seed,
                    settings: keelson_scheduler::Settings::default(),
                    figures: keelson_scheduler::Figures::default(),
                    election: (!alone).then(|| election("kube-scheduler", name, life)),
                };
                keelson_scheduler::run(parts, std::future::pending()).await.map_err(|error| error.to_string())
            }
            What::Nodes { count, shape } => {
                let parts = self.nodes(name, life, count, shape);
                keelson_kubelet::run(parts, std::future::pending()).await.map_err(|error| error.to_string())
            }
        }
    }

    fn controllers(
        self: &Arc<Self>,
        name: &'static str,
        life: u32,
        alone: bool,
    ) -> keelson_controllers::Parts {
        let ground = Arc::clone(self);
        keelson_controllers::Parts {
            shared: self.client((name, life), "controllers", "system:kube-controller-manager"),
            as_account: Box::new(move |account| {
                let user = format!("system:serviceaccount:kube-system:{account}");
                ground.client((name, life), account, &user)
            }),
            clock: self.clock.clone(),
            instance: name.into(),
            selection: "*".parse().expect("all controllers"),
            root_ca: Some("a certificate".into()),
            pod_ranges: "10.244.0.0/16".parse().expect("a range"),
            token_signer: None,
            certificates: None,
            queues: keelson_controllers::Queues::default(),
            election: (!alone).then(|| election("kube-controller-manager", name, life)),
        }
    }

    fn nodes(
        self: &Arc<Self>,
        name: &'static str,
        life: u32,
        count: u32,
        shape: &str,
    ) -> keelson_kubelet::Parts {
        let ground = Arc::clone(self);
        keelson_kubelet::Parts {
            shared: self.client((name, life), "node:all", "system:node:all"),
            as_node: Box::new(move |node| {
                ground.client((name, life), &format!("node:{node}"), &format!("system:node:{node}"))
            }),
            clock: self.clock.clone(),
            prefix: name.into(),
            count,
            shape: shape.parse().expect("a shape"),
            behaviour: keelson_kubelet::Behaviour::default(),
            version: "v1.37.1".into(),
        }
    }

    fn client(
        self: &Arc<Self>,
        life: (&'static str, u32),
        actor: &str,
        user: &str,
    ) -> keelson_client::Client {
        self.network.client(&self.server, life, (actor, Caller::authenticated(user, ["system:masters"])))
    }
}

/// Nobody else is called so, nor is this one in another life.
fn election(lease: &str, name: &str, life: u32) -> Election {
    Election::new(Key::new("kube-system", lease), format!("{name}-{life}"))
}
