//! Leaving everything in a state that can be reached: nodes are back, what never works is replaced, what would go on for
//! ever is suspended.

use serde_json::{Value, json};

use super::{
    CRONJOBS, DAEMONSETS, DEPLOYMENTS, NAMESPACES, NODES, PODS, REPLICASETS, SPACES, STATEFULSETS, STOPPED,
    User, VOLUMES_COUNT, key,
};
use crate::world::Object;

impl User {
    /// Puts everything right that only its users can.
    pub(crate) async fn mend(&mut self) {
        self.note("mends what can be mended");
        self.drains.shutdown().await;
        for node in self.all(&NODES).await {
            let change =
                json!({"metadata": {"annotations": {STOPPED: null}}, "spec": {"unschedulable": null}});
            self.merge(&NODES, &key(&node), change).await;
        }
        for space in SPACES {
            self.create(&NAMESPACES, "", json!({"metadata": {"name": space}})).await;
        }
        // Those that were used once are nobody's any more.
        self.add_volumes(VOLUMES_COUNT).await;
        for set in self.all(&REPLICASETS).await {
            if set.controller().is_none() && is_broken(set.at("spec/template")) {
                self.delete(&REPLICASETS, &key(&set), "Background").await;
            }
        }
        let sound = json!({"template": {"metadata": {"annotations": {
            "keelson.dev/ready-after": "100ms", "keelson.dev/failing": "0%",
        }}}});
        for (resource, more) in [
            (DEPLOYMENTS, json!({"paused": false})),
            (
                STATEFULSETS,
                json!({"updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}}}),
            ),
            (DAEMONSETS, json!({})),
        ] {
            for object in self.all(&resource).await {
                let mut spec = more.clone();
                if is_broken(object.at("spec/template")) {
                    spec["template"] = sound["template"].clone();
                }
                self.merge(&resource, &key(&object), json!({"spec": spec})).await;
            }
        }
        for object in self.all(&CRONJOBS).await {
            self.merge(&CRONJOBS, &key(&object), json!({"spec": {"suspend": true}})).await;
        }
    }

    /// Removes pods that never work, and that nobody else may remove: an ordered set waits for its pods, also to replace
    /// them, and pods that nobody owns any more are nobody's.
    pub(crate) async fn clear(&mut self) {
        for pod in self.all(&PODS).await {
            let alone = pod.controller().is_none();
            let stuck = !pod.owner("StatefulSet").is_empty() || !pod.owner("ReplicaSet").is_empty();
            if is_broken(&pod) && (stuck || alone) && !pod.is_ready() {
                self.note(&format!("clears pod {}/{} away", pod.space(), pod.name()));
                self.delete(&PODS, &key(&pod), "Background").await;
            }
        }
    }
}

/// Whether pods of it may never be ready, or keep failing.
fn is_broken(template: &Value) -> bool {
    let all = template.at("metadata/annotations");
    all["keelson.dev/ready-after"] == "never" || all["keelson.dev/failing"] == "20%"
}
