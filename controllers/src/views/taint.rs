//! What keeps pods away from nodes, and what pods put up with.

use compact_str::CompactString;
use keelson_client::Time;
use serde::{Deserialize, Serialize};

/// A taint of a node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Taint {
    pub(crate) key: CompactString,
    #[serde(skip_serializing_if = "CompactString::is_empty")]
    pub(crate) value: CompactString,
    pub(crate) effect: CompactString,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) time_added: Option<Time>,
}

impl Taint {
    /// Whether it is the one of this key and effect.
    pub(crate) fn is(&self, key: &str, effect: &str) -> bool {
        self.key == key && self.effect == effect
    }
}

/// What a pod puts up with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Toleration {
    #[serde(skip_serializing_if = "CompactString::is_empty")]
    pub(crate) key: CompactString,
    #[serde(skip_serializing_if = "CompactString::is_empty")]
    pub(crate) operator: CompactString,
    #[serde(skip_serializing_if = "CompactString::is_empty")]
    pub(crate) value: CompactString,
    #[serde(skip_serializing_if = "CompactString::is_empty")]
    pub(crate) effect: CompactString,
    /// For how long, where a taint drives out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) toleration_seconds: Option<i64>,
}

impl Toleration {
    /// That a taint of this key may be there, with this effect.
    pub(crate) fn of(key: &str, effect: &str) -> Self {
        Self { key: key.into(), operator: "Exists".into(), effect: effect.into(), ..Self::default() }
    }

    /// Whether it puts up with a taint.
    pub(crate) fn tolerates(&self, taint: &Taint) -> bool {
        let says = |said: &str, is: &str| said.is_empty() || said == is;
        if !says(&self.effect, &taint.effect) || !says(&self.key, &taint.key) {
            return false;
        }
        let numbers = || Some((taint.value.parse::<i64>().ok()?, self.value.parse::<i64>().ok()?));
        match self.operator.as_str() {
            "" | "Equal" => self.value == taint.value,
            "Exists" => true,
            "Lt" => numbers().is_some_and(|(is, said)| is < said),
            "Gt" => numbers().is_some_and(|(is, said)| is > said),
            _ => false,
        }
    }
}

/// Whether all taints of these effects are put up with.
pub(crate) fn are_tolerated(taints: &[Taint], effects: &[&str], tolerations: &[Toleration]) -> bool {
    let mut serious = taints.iter().filter(|taint| effects.contains(&taint.effect.as_str()));
    serious.all(|taint| tolerations.iter().any(|toleration| toleration.tolerates(taint)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn taints_are_put_up_with_by_key_value_and_effect() {
        let taint =
            Taint { key: "k".into(), value: "5".into(), effect: "NoSchedule".into(), time_added: None };
        for (toleration, expected) in [
            (json!({"operator": "Exists"}), true),
            (json!({"key": "k", "operator": "Exists", "effect": "NoExecute"}), false),
            (json!({"key": "k", "value": "5"}), true),
            (json!({"key": "k", "value": "6"}), false),
            (json!({"key": "k", "operator": "Gt", "value": "4"}), true),
            (json!({"key": "k", "operator": "Lt", "value": "4"}), false),
            (json!({"key": "other", "operator": "Exists"}), false),
        ] {
            let read: Toleration = serde_json::from_value(toleration.clone()).unwrap();
            assert_eq!(read.tolerates(&taint), expected, "{toleration}");
            assert_eq!(json!(read), toleration);
        }
        assert!(are_tolerated(std::slice::from_ref(&taint), &["NoExecute"], &[]));
        assert!(!are_tolerated(&[taint], &["NoExecute", "NoSchedule"], &[]));
    }
}
