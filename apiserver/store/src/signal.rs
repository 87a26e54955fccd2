//! A value that others wait for.
//!
//! Those who wait are woken in the order in which they came. Tokio's watch channel wakes them in a random one, and a
//! simulation above it could not be run again.

use parking_lot::Mutex;
use tokio::sync::Notify;

/// A value that changes, and tells who waits for that.
#[derive(Debug, Default)]
pub struct Signal<T> {
    value: Mutex<T>,
    changed: Notify,
}

impl<T: Clone> Signal<T> {
    /// A signal that begins with this value.
    #[must_use]
    pub fn new(value: T) -> Self {
        Self { value: Mutex::new(value), changed: Notify::new() }
    }

    /// The value now.
    #[must_use]
    pub fn get(&self) -> T {
        self.value.lock().clone()
    }

    /// Changes the value.
    pub fn update(&self, change: impl FnOnce(&mut T)) {
        change(&mut self.value.lock());
        self.changed.notify_waiters();
    }

    /// Sets the value, and returns the one before.
    pub fn replace(&self, value: T) -> T {
        let before = std::mem::replace(&mut *self.value.lock(), value);
        self.changed.notify_waiters();
        before
    }

    /// Waits until `found` is true of the value, and returns it.
    pub async fn wait_for(&self, mut found: impl FnMut(&T) -> bool) -> T {
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            // From here on no change is missed, also one before the value is looked at.
            changed.as_mut().enable();
            {
                let value = self.value.lock();
                if found(&value) {
                    return value.clone();
                }
            }
            changed.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_came_first_is_woken_first() {
        let (signal, order) = (Signal::new(0), Mutex::new(Vec::new()));
        let wait = async |number: usize| {
            signal.wait_for(|value| *value > 0).await;
            order.lock().push(number);
        };
        let set = async { assert_eq!(signal.replace(1), 0) };
        futures::join!(futures::future::join_all((0..100).map(wait)), set);
        assert!(order.lock().is_sorted());
        assert_eq!(signal.get(), 1);
    }
}
