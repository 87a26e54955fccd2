//! The resources of the autoscaling group.

pub(crate) mod horizontalpodautoscalers;
