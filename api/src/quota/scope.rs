//! Which objects a quota is meant for.

use super::{Claim, Pod};

/// What a quota asks of the objects that it is meant for; all of it has to hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scopes(pub Vec<Requirement>);

/// One thing that is asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Requirement {
    /// The scope.
    pub scope: String,
    /// `In`, `NotIn`, `Exists` or `DoesNotExist`.
    pub operator: String,
    /// Of which classes.
    pub values: Vec<String>,
}

impl Requirement {
    /// A scope that is only named.
    #[must_use]
    pub fn named(scope: &str) -> Self {
        Self { scope: scope.into(), operator: "Exists".into(), values: Vec::new() }
    }

    /// Whether one of the classes, or that there is none, is what is asked for.
    fn fits(&self, classes: &[&str]) -> bool {
        let has = |class: &str| self.values.iter().any(|value| value == class);
        match (self.operator.as_str(), classes) {
            ("In", classes) => classes.iter().any(|class| has(class)),
            ("NotIn", []) => true,
            ("NotIn", classes) => classes.iter().any(|class| !has(class)),
            ("DoesNotExist", classes) => classes.is_empty(),
            (_, classes) => !classes.is_empty(),
        }
    }

    fn has_pod(&self, pod: &Pod) -> bool {
        match self.scope.as_str() {
            "Terminating" => pod.has_deadline,
            "NotTerminating" => !pod.has_deadline,
            "BestEffort" => pod.is_best_effort,
            "NotBestEffort" => !pod.is_best_effort,
            "PriorityClass" if pod.priority_class.is_empty() => self.fits(&[]),
            "PriorityClass" => self.fits(&[&pod.priority_class]),
            "CrossNamespacePodAffinity" => pod.looks_elsewhere,
            _ => false,
        }
    }
}

impl Scopes {
    /// Whether a pod is meant.
    #[must_use]
    pub fn have_pod(&self, pod: &Pod) -> bool {
        self.0.iter().all(|asked| asked.has_pod(pod))
    }

    /// Whether a claim of a volume is meant.
    #[must_use]
    pub fn have_claim(&self, claim: &Claim) -> bool {
        let classes: Vec<&str> = claim.attributes.iter().map(String::as_str).collect();
        self.0.iter().all(|asked| asked.scope == "VolumeAttributesClass" && asked.fits(&classes))
    }

    /// Whether any other object is meant: scopes know none.
    #[must_use]
    pub fn have_others(&self) -> bool {
        self.0.is_empty()
    }
}
