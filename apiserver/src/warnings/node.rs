//! Labels of nodes that have gone out of use, wherever nodes are selected.

use keelson_api::names::label;
use keelson_schema::tree::View;

/// What is to be said of a label, if it is out of use.
pub(crate) fn label(key: &str) -> Option<&'static str> {
    Some(match key {
        "beta.kubernetes.io/arch" => r#"deprecated since v1.14; use "kubernetes.io/arch" instead"#,
        "beta.kubernetes.io/os" => r#"deprecated since v1.14; use "kubernetes.io/os" instead"#,
        "failure-domain.beta.kubernetes.io/region" => {
            r#"deprecated since v1.17; use "topology.kubernetes.io/region" instead"#
        }
        "failure-domain.beta.kubernetes.io/zone" => {
            r#"deprecated since v1.17; use "topology.kubernetes.io/zone" instead"#
        }
        "beta.kubernetes.io/instance-type" => {
            r#"deprecated since v1.17; use "node.kubernetes.io/instance-type" instead"#
        }
        "app.kubernetes.io/created-by" => "deprecated since v1.9",
        "scheduler.alpha.kubernetes.io/preferAvoidPods" => {
            "deprecated since v1.22; use Taints and Tolerations instead"
        }
        "node-role.kubernetes.io/master" => r#"use "node-role.kubernetes.io/control-plane" instead"#,
        _ => return None,
    })
}

/// Warns of a term that selects nodes; `with_values` of values, too, that no label can have.
pub(crate) fn selector_term(term: View<'_>, with_values: bool, path: &str, warnings: &mut Vec<String>) {
    for (at, expression) in term.field("matchExpressions").items().enumerate() {
        let key = expression.field("key").text();
        if let Some(words) = label(key) {
            warnings.push(format!("{path}.matchExpressions[{at}].key: {key} is {words}"));
        }
        for (index, value) in expression.field("values").items().enumerate().filter(|_| with_values) {
            for reason in label::value(value.text()) {
                let value = value.text();
                warnings.push(format!(
                    "{path}.matchExpressions[{at}].values[{index}]: {value} is invalid, {reason}"
                ));
            }
        }
    }
}
