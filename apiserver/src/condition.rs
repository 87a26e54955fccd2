//! Saying a condition in a status: one of each type, and since when.

use keelson_schema::scalar::time::Time;
use keelson_schema::tree::Value;

use crate::edit::Edit;

/// What is said. Where nothing is said of a reason or in words, the condition has none.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Condition<'a> {
    /// Its type.
    pub(crate) kind: &'a str,
    /// Whether it holds.
    pub(crate) holds: bool,
    pub(crate) reason: &'a str,
    pub(crate) message: &'a str,
    /// The generation it was observed of, where that is known.
    pub(crate) observed: Option<i64>,
}

impl Condition<'_> {
    /// Says it in `status` among the conditions there. Since when it holds, or does not, changes only when that does.
    pub(crate) fn say(&self, status: &mut Edit<'_>, now: Time) {
        let mut found = status.items("conditions").find(|one| one.text("type") == self.kind);
        if let Some(condition) = &mut found {
            let since = (condition.text("status") != self.status()).then_some(now);
            return self.write(condition, since);
        }
        let condition = status.item("conditions", |condition| {
            condition.set("type", self.kind);
            self.write(condition, Some(now));
        });
        match status.get_mut("conditions").and_then(Value::items_mut) {
            Some(items) => items.push(condition),
            None => status.set("conditions", Value::List([condition].into_iter().collect())),
        }
    }

    fn status(&self) -> &'static str {
        if self.holds { "True" } else { "False" }
    }

    fn write(&self, condition: &mut Edit<'_>, since: Option<Time>) {
        condition.set("status", self.status());
        condition.set("reason", self.reason);
        condition.set("message", self.message);
        if let Some(since) = since {
            condition.set("lastTransitionTime", Value::Time(since));
        }
        if let Some(generation) = self.observed {
            condition.set("observedGeneration", Value::Int(generation));
        }
    }
}
