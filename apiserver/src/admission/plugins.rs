//! Which rules of admission hold, by upstream's names.

/// A rule, or a family of them, that can be switched off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Plugin {
    /// Ingresses that name no class get the default one.
    DefaultIngressClass,
    /// Claims that name no class get the default one.
    DefaultStorageClass,
    /// Pods stay for a while on nodes that do not answer.
    DefaultTolerationSeconds,
    /// Pods and claims keep within the limits of their namespace, and get its defaults.
    LimitRanger,
    /// Nothing is made in namespaces that are not there, and some of them stay.
    NamespaceLifecycle,
    /// Claims grow where their class lets them.
    PersistentVolumeClaimResize,
    /// Pods matter as much as their class says.
    Priority,
    /// Namespaces use no more than their quotas allow.
    ResourceQuota,
    /// Pods cost and go where their runtime's class says.
    RuntimeClass,
    /// Pods act as an account that is there, and get its token.
    ServiceAccount,
    /// Volumes and claims are kept while somebody uses them.
    StorageObjectInUseProtection,
    /// New nodes are not ready.
    TaintNodesByCondition,
}

impl Plugin {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::DefaultIngressClass,
        Self::DefaultStorageClass,
        Self::DefaultTolerationSeconds,
        Self::LimitRanger,
        Self::NamespaceLifecycle,
        Self::PersistentVolumeClaimResize,
        Self::Priority,
        Self::ResourceQuota,
        Self::RuntimeClass,
        Self::ServiceAccount,
        Self::StorageObjectInUseProtection,
        Self::TaintNodesByCondition,
    ];

    /// What upstream calls it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::DefaultIngressClass => "DefaultIngressClass",
            Self::DefaultStorageClass => "DefaultStorageClass",
            Self::DefaultTolerationSeconds => "DefaultTolerationSeconds",
            Self::LimitRanger => "LimitRanger",
            Self::NamespaceLifecycle => "NamespaceLifecycle",
            Self::PersistentVolumeClaimResize => "PersistentVolumeClaimResize",
            Self::Priority => "Priority",
            Self::ResourceQuota => "ResourceQuota",
            Self::RuntimeClass => "RuntimeClass",
            Self::ServiceAccount => "ServiceAccount",
            Self::StorageObjectInUseProtection => "StorageObjectInUseProtection",
            Self::TaintNodesByCondition => "TaintNodesByCondition",
        }
    }
}

/// The rules that hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plugins(u16);

impl Default for Plugins {
    /// All of them.
    fn default() -> Self {
        Self(u16::MAX)
    }
}

impl Plugins {
    /// The same without some of them, by their names with commas in between.
    ///
    /// # Errors
    /// The first name that is none.
    pub fn without(self, names: &str) -> Result<Self, &str> {
        names.split(',').map(str::trim).filter(|name| !name.is_empty()).try_fold(self, |left, name| {
            let plugin = Plugin::ALL.into_iter().find(|plugin| plugin.name() == name).ok_or(name)?;
            Ok(Self(left.0 & !(1 << plugin as u8)))
        })
    }

    /// Whether one of them holds.
    #[must_use]
    pub const fn has(self, plugin: Plugin) -> bool {
        self.0 & (1 << plugin as u8) != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_can_be_switched_off() {
        let left = Plugins::default().without("LimitRanger, ServiceAccount,").unwrap();
        let off: Vec<_> = Plugin::ALL.into_iter().filter(|plugin| !left.has(*plugin)).collect();
        assert_eq!(off, [Plugin::LimitRanger, Plugin::ServiceAccount]);
        assert_eq!(Plugins::default().without("Priority,Nonsense"), Err("Nonsense"));
    }
}
