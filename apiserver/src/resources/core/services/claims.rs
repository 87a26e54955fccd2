//! What services take: an address in the cluster each, and ports on the nodes.

use futures::FutureExt;
use futures::future::BoxFuture;
use keelson_api::group::GroupKind;
use keelson_store::transaction::Operation;

use super::families;
use super::{addresses, ports};
use crate::api::Call;
use crate::claims::{Claims, Step};
use crate::edit::Edit;
use crate::meta::meta;
use crate::problem::Problem;
use crate::refusal;

/// The kind of services, for refusals.
const KIND: GroupKind<'static> = GroupKind::new("", "Service");

/// What services take.
pub(super) struct OfServices;

/// Whose claims are settled: the service's place.
#[derive(Clone, Copy)]
pub(super) struct Owner<'a> {
    pub(super) namespace: &'a str,
    pub(super) name: &'a str,
}

/// Refuses the service for these errors.
pub(super) fn invalid(name: &str, errors: &keelson_api::field::Errors) -> Problem {
    refusal::invalid(&KIND, name, errors)
}

impl Claims for OfServices {
    fn settle<'a>(
        &'a self,
        call: &'a Call<'_>,
        step: Step<'a>,
    ) -> BoxFuture<'a, Result<Vec<Operation>, Problem>> {
        settle(call, step).boxed()
    }
}

async fn settle(call: &Call<'_>, step: Step<'_>) -> Result<Vec<Operation>, Problem> {
    let Step { old, new, dry_run } = step;
    let Some(of) = new.as_deref().or(old).map(meta) else { return Ok(Vec::new()) };
    let (namespace, name) = (of.namespace().to_owned(), of.name().to_owned());
    let owner = Owner { namespace: &namespace, name: &name };
    let before = old.map(|old| old.view().field("spec"));
    let Some(new) = new else {
        let mut operations = addresses::release(call, owner, before, None).await?;
        operations.extend(ports::release(call, before, None).await?);
        return Ok(operations);
    };
    let mut edit = Edit::object(new);
    let mut spec = edit.made("spec");
    let mut operations = Vec::new();
    if before.is_none_or(|before| families::differ(spec.view(), before)) {
        let ranges = addresses::Ranges::read(call).await?;
        families::settle(&mut spec, before, &ranges.families).map_err(|errors| invalid(&name, &errors))?;
        operations.extend(addresses::settle(call, owner, &mut spec, before, &ranges, dry_run).await?);
    }
    operations.extend(ports::settle(call, owner, &mut spec, before, dry_run).await?);
    Ok(if dry_run { Vec::new() } else { operations })
}
