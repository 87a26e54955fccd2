//! `ImageLocality`: nodes are liked that have the pod's images, the larger and the more common the better.

use std::sync::Arc;

use compact_str::CompactString;

use crate::event::Event;
use crate::framework::{Liking, Plugin, Prepared, SCORE_MAX, Scale};
use crate::node::NodeInfo;
use crate::pod::PodInfo;
use crate::snapshot::Snapshot;

/// Below it, images do not count.
const LEAST_BYTES: i64 = 23 << 20;
/// Per image, above it more does not count.
const MOST_BYTES: i64 = 1000 << 20;

pub(super) struct ImageLocality;

#[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "upstream's arithmetic")]
fn scaled(bytes: i64, on: u32, nodes: usize) -> i64 {
    (bytes as f64 * (f64::from(on) / nodes as f64)) as i64
}

impl Plugin for ImageLocality {
    fn name(&self) -> &'static str {
        "ImageLocality"
    }

    fn filter(&self, _pod: &Arc<PodInfo>, _snapshot: &Snapshot) -> Prepared {
        Prepared::Skip
    }

    fn score(&self, pod: &Arc<PodInfo>, snapshot: &Snapshot) -> Liking {
        let spread: Vec<(CompactString, u32)> =
            pod.images.iter().map(|image| (image.clone(), snapshot.nodes_with_image(image))).collect();
        // Where no node has any, all are liked the same.
        if spread.iter().all(|(_, on)| *on == 0) {
            return Liking::Same;
        }
        let nodes = snapshot.len();
        let most = MOST_BYTES * i64::try_from(pod.images.len()).unwrap_or(i64::MAX >> 32);
        Liking::local(Scale::Absolute, move |node: &NodeInfo| {
            let has = &node.node.images;
            let bytes = |image: &str| {
                has.binary_search_by(|(known, _)| known.as_str().cmp(image)).map_or(0, |at| has[at].1)
            };
            let sum: i64 = spread.iter().map(|(image, on)| scaled(bytes(image), *on, nodes)).sum();
            SCORE_MAX * (sum.clamp(LEAST_BYTES, most) - LEAST_BYTES) / (most - LEAST_BYTES)
        })
    }

    fn wakes(&self, _event: &Event<'_>, _pod: &PodInfo) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::cases::{cluster, node, pod, scores};

    #[test]
    fn large_and_common_images_count() {
        let having = |name: &str, images: &[(&str, i64)]| {
            let images: Vec<_> =
                images.iter().map(|(name, mib)| json!({"names": [name], "sizeBytes": mib << 20})).collect();
            node(name, json!({"status": {"images": images}}))
        };
        let nodes = [
            having("a", &[("x:latest", 500), ("y:1", 2000)]),
            having("b", &[("x:latest", 500)]),
            having("c", &[("z", 30)]),
        ];
        let snapshot = cluster(nodes, []);
        let check = |images: &[&str]| {
            let containers: Vec<_> = images.iter().map(|image| json!({"image": image})).collect();
            scores(&ImageLocality, &pod("p", json!({"spec": {"containers": containers}})), &snapshot)
        };
        // 500 MiB on two nodes of three; between 23 and 1000.
        assert_eq!(check(&["x"]), [31, 31, 0]);
        assert_eq!(check(&["y:1"]), [65, 0, 0]);
        assert_eq!(check(&["x", "y:1"]), [49, 15, 0]);
        assert!(check(&["w"]).is_empty());
    }
}
