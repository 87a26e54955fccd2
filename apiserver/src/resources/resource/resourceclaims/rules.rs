//! What is written into the status of claims: who uses one, and what it was given.

use std::collections::BTreeSet;

use keelson_api::field::{Error, Errors, Value as Shown};
use keelson_api::golang::JsonText;
use keelson_api::names::address::check_interface_address;
use keelson_api::names::{dns, format};
use keelson_schema::tree::{Object, View};

use crate::meta::meta;
use crate::resources::resource::claim::{self, Requests};
use crate::resources::resource::taint;
use crate::rules::volume_disk::csi_driver;
use crate::rules::{At, conditions, marked, same, selector_node};

const USERS_MAX: usize = 256;
const RESULTS_MAX: usize = 32;
const CONFIGS_MAX: usize = 64;
const CONDITIONS_MAX: usize = 8;
const DATA_BYTES_MAX: usize = 10 * 1024;
const ADDRESSES_MAX: usize = 16;

/// What tells devices apart.
type DeviceId<'o> = [&'o str; 4];

fn id(device: View<'_>) -> DeviceId<'_> {
    ["driver", "pool", "device", "shareID"].map(|name| device.field(name).text())
}

/// What is wrong with the status of a claim in the place of that of `old`.
pub(super) fn check_status(new: &Object, old: &Object, errors: &mut Errors) {
    let status = At::root(new, "status");
    let before = old.view().field("status");
    let (users, devices) = (status.field("reservedFor"), status.field("devices"));
    let allocation = status.field("allocation");
    let is_asked = claim::each(&users, USERS_MAX, errors, |user, errors| {
        for name in ["resource", "name", "uid"] {
            user.field(name).require(errors);
        }
    });
    if is_asked {
        claim::unique(&users, Some("uid"), errors);
    }
    let given: BTreeSet<DeviceId<'_>> = allocation.view.path("devices.results").items().map(id).collect();
    let mut known = BTreeSet::new();
    for device in devices.items() {
        check_device(&device, given.contains(&id(device.view)), errors);
        if !known.insert(id(device.view)) {
            let shown = shown_id(device.view);
            errors.push(Error::duplicate(&device.path, shown.as_str()).covered());
        }
    }
    if !users.is_empty() {
        let had = before.field("reservedFor");
        let is_new = |user: View<'_>| !had.items().any(|old| old.value() == user.value());
        if !allocation.is_present() {
            users.forbidden("may not be specified when `allocated` is not set", errors);
        } else if meta(new).deletion_timestamp().is_some() && users.view.items().any(is_new) {
            let words =
                "new entries may not be added while `deallocationRequested` or `deletionTimestamp` are set";
            users.forbidden(words, errors);
        }
    }
    let had = before.field("allocation");
    if had.is_present() && allocation.is_present() {
        if !same::is_same(allocation.view, had) {
            marked::covered(errors, |errors| allocation.immutable(had, errors));
        }
    } else if allocation.is_present() {
        let names = Requests::of(new.view().path("spec.devices"));
        check_allocation(&allocation, &names, errors);
    }
}

fn shown_id(device: View<'_>) -> String {
    id(device).join("/")
}

fn check_allocation(allocation: &At<'_, '_>, names: &Requests<'_>, errors: &mut Errors) {
    let devices = allocation.field("devices");
    claim::each(&devices.field("results"), RESULTS_MAX, errors, |result, errors| {
        claim::check_reference(&result.field("request"), names, errors);
        marked::covered(errors, |errors| {
            csi_driver(&result.field("driver"), errors);
            taint::check_pool(&result.field("pool"), errors);
        });
        result.field("device").keep_to(dns::label, errors);
        for toleration in result.field("tolerations").items() {
            claim::check_toleration(&toleration, errors);
        }
        check_share(result, errors);
    });
    claim::each(&devices.field("config"), CONFIGS_MAX, errors, |config, errors| {
        let source = config.field("source");
        marked::covered(errors, |errors| {
            if source.require(errors) {
                source.one_of(&["FromClaim", "FromClass"], errors);
            }
        });
        claim::check_references(&config.field("requests"), names, errors);
        claim::check_configuration(config, errors);
    });
    let nodes = allocation.field("nodeSelector");
    if nodes.is_present() {
        selector_node::node_selector(&nodes, false, errors);
    }
}

fn check_share(device: &At<'_, '_>, errors: &mut Errors) {
    let share = device.field("shareID");
    if share.is_present() {
        marked::covered(errors, |errors| format::uuid(&share.path, share.text(), errors));
    }
}

fn check_device(device: &At<'_, '_>, is_given: bool, errors: &mut Errors) {
    csi_driver(&device.field("driver"), errors);
    taint::check_pool(&device.field("pool"), errors);
    device.field("device").keep_to(dns::label, errors);
    check_share(device, errors);
    if !is_given {
        let [driver, pool, name, share] = id(device.view).map(JsonText);
        let shown = format!(r#"{{"Driver":{driver},"Pool":{pool},"Device":{name},"ShareID":{share}}}"#);
        let words = "must be an allocated device in the claim";
        errors.push(Error::invalid(&device.path, Shown::Json(shown.into()), words));
    }
    let all = device.field("conditions");
    if all.len() > CONDITIONS_MAX {
        errors.push(Error::too_many(&all.path, all.len(), CONDITIONS_MAX));
    }
    conditions::check(&all, errors);
    let data = device.field("data");
    if data.is_present() {
        claim::check_raw(&data, DATA_BYTES_MAX, errors);
    }
    let network = device.field("networkData");
    for (name, max) in [("interfaceName", 256), ("hardwareAddress", 128)] {
        let field = network.field(name);
        if field.text().len() > max {
            errors.push(Error::too_long(&field.path, max).covered());
        }
    }
    let addresses = network.field("ips");
    let is_asked = claim::each(&addresses, ADDRESSES_MAX, errors, |address, errors| {
        check_interface_address(&address.path, address.text(), errors);
    });
    if is_asked {
        claim::unique(&addresses, None, errors);
    }
}
