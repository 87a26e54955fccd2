//! What objects take out of a common stock when they are written, and give back when they go: addresses and ports,
//! which there are only once, and what is left of a namespace's quotas.
//!
//! Who has got what is an object in the store too, made and removed in the same transaction as the object that takes
//! it, on the condition that nobody else has got it. So nothing is given twice, by however many servers over one store,
//! and nothing is lost by a crash: there is no state in between.

use futures::future::BoxFuture;
use keelson_schema::tree::Object;
use keelson_store::transaction::{Operation, Transaction};

use crate::admission::quota;
use crate::api::Call;
use crate::problem::Problem;

/// What becomes of an object. All are in the version that is stored.
pub(crate) struct Step<'a> {
    /// What it was; nothing if it is new.
    pub(crate) old: Option<&'a Object>,
    /// What it becomes; nothing if it goes.
    pub(crate) new: Option<&'a mut Object>,
    /// Whether nothing is going to be written.
    pub(crate) dry_run: bool,
}

/// What the objects of a resource take.
pub(crate) trait Claims: Sync {
    /// Decides what `step` takes and gives back, writes into the object what it has got, and returns what belongs into
    /// the same transaction.
    fn settle<'a>(
        &'a self,
        call: &'a Call<'_>,
        step: Step<'a>,
    ) -> BoxFuture<'a, Result<Vec<Operation>, Problem>>;
}

/// What belongs into the transaction of `step`.
pub(crate) async fn settle(call: &Call<'_>, step: Step<'_>) -> Result<Vec<Operation>, Problem> {
    let mut operations = match &step.new {
        Some(new) => Box::pin(quota::charge(call, step.old, new)).await?,
        None => Vec::new(),
    };
    if let Some(claims) = call.served.resource.claims() {
        operations.extend(claims.settle(call, step).await?);
    }
    Ok(operations)
}

/// `transaction` with what belongs to it. Its own operation stays the first, which tells its failure from a lost claim.
pub(crate) fn with(mut transaction: Transaction, claimed: Vec<Operation>) -> Transaction {
    transaction.operations.extend(claimed);
    transaction
}
