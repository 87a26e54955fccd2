//! Access to devices that others use: who asks for it has to be in a namespace that is meant for that. Upstream tells of it
//! together with what is wrong with the object itself, and first.

use keelson_api::field::{Error, Errors, Path};
use keelson_schema::tree::{Object, View};

use super::around;
use crate::api::Call;
use crate::meta::meta;
use crate::problem::Problem;

/// The label of namespaces in which claims may ask for such access.
const LABEL: &str = "resource.kubernetes.io/admin-access";
/// Where it is asked for, and where it is given.
const REQUESTS: &str = "spec.devices.requests";
const RESULTS: &str = "status.allocation.devices.results";

/// What is wrong with asking for, or with giving, access as an administrator in the namespace of the request; `old` is
/// nothing where the claim, or the template of claims, is made.
pub(crate) async fn check(call: &Call<'_>, new: &Object, old: Option<&Object>) -> Result<Errors, Problem> {
    let mut errors = Errors::new();
    let Some((list, index)) = asked(call, new, old) else { return Ok(errors) };
    let namespace = Box::pin(around::one(call, ("", "v1", "namespaces"), "", call.target.namespace)).await?;
    let is_meant = namespace.is_some_and(|namespace| {
        meta(&namespace).labels().any(|(key, value)| key == LABEL && value == "true")
    });
    if !is_meant {
        let words =
            format!("admin access to devices requires the `{LABEL}: true` label on the containing namespace");
        errors.push(Error::forbidden(&Path::new(list).index(index).child("adminAccess"), words));
    }
    Ok(errors)
}

/// The list in which such access is newly asked for or given, as it is called in messages, and at which place.
fn asked(call: &Call<'_>, new: &Object, old: Option<&Object>) -> Option<(&'static str, usize)> {
    let requested = |list: View<'_>| list.items().position(|one| one.path("exactly.adminAccess").is_true());
    match (call.served.store.as_str(), super::part(call), old) {
        ("resourceclaims.resource.k8s.io", "", None) => {
            Some(REQUESTS).zip(requested(new.view().path(REQUESTS)))
        }
        ("resourceclaimtemplates.resource.k8s.io", "", None) => {
            Some(REQUESTS).zip(requested(new.view().path("spec.spec.devices.requests")))
        }
        ("resourceclaims.resource.k8s.io", "status", Some(old)) => {
            let given = |claim: &Object| {
                claim.view().path(RESULTS).items().position(|one| one.field("adminAccess").is_true())
            };
            Some(RESULTS).zip(given(new).filter(|_| given(old).is_none()))
        }
        _ => None,
    }
}
