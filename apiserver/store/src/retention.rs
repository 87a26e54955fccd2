//! How history ends: states are pinned as time goes by, and what lies before an old enough one is folded away.

use std::sync::Arc;

use crate::backend::BackendError;
use crate::image::Image;
use crate::shared::Shared;

/// Pins and folds for as long as the store lives.
pub(crate) async fn tend(shared: Arc<Shared>) {
    let age_millis = u64::try_from(shared.retention.age.as_millis()).unwrap_or(u64::MAX);
    loop {
        tokio::select! {
            biased;
            () = tokio::time::sleep(shared.retention.pin_every()) => {}
            () = shared.crowded.notified() => {}
        }
        let now = shared.clock.now();
        shared.replica.write().pin(now);
        let cut = shared.replica.read().cut(now.before(age_millis), shared.retention.bytes_max);
        if let Some(image) = cut
            && let Err(error) = fold(&shared, &image).await
        {
            tracing::warn!(%error, revision = %image.revision, "history could not be folded; it is tried again later");
        }
    }
}

/// Makes `image` the backend's base and forgets what lies before it.
pub(crate) async fn fold(shared: &Shared, image: &Image) -> Result<(), BackendError> {
    let folded = shared.backend.compact(image).await;
    // Memory is bounded even while the backend has trouble: its floor may be lower, never higher.
    shared.replica.write().trim(image.revision);
    folded
}
