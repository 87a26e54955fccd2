//! The ports that services have on every node. Who has got which is a record in the store, one to a port, that no
//! client sees.

use std::collections::{BTreeMap, BTreeSet};

use keelson_api::field::{Error, Errors, Path};
use keelson_api::status::Status;
use keelson_schema::tree::View;
use keelson_store::At;
use keelson_store::key::{Key, ResourceName};
use keelson_store::table::Table;
use keelson_store::transaction::{Change, Expect, Operation};
use serde_json::json;

use super::claims::{Owner, invalid};
use super::kind;
use super::linked::{needs_health_port, needs_node_ports};
use crate::api::Call;
use crate::edit::Edit;
use crate::problem::Problem;
use crate::refusal;

/// Where the records lie. No resource has this name.
const RECORDS: &str = "servicenodeports";

/// The ports on the nodes of `spec`, where it needs any.
fn held(spec: View<'_>) -> BTreeSet<i64> {
    let mut held = BTreeSet::new();
    if needs_node_ports(spec) {
        held.extend(numbers(spec));
    }
    if needs_health_port(spec) {
        held.extend(health_port(spec));
    }
    held
}

fn numbers(spec: View<'_>) -> impl Iterator<Item = i64> {
    spec.field("ports").items().filter_map(|port| port.field("nodePort").int()).filter(|number| *number != 0)
}

fn health_port(spec: View<'_>) -> Option<i64> {
    spec.field("healthCheckNodePort").int().filter(|number| *number != 0)
}

fn key(port: i64) -> Key {
    Key::new(&ResourceName::new(RECORDS), "", &port.to_string())
}

/// Gives back the ports of `old` that `new` has no more.
pub(super) async fn release(
    call: &Call<'_>,
    old: Option<View<'_>>,
    new: Option<View<'_>>,
) -> Result<Vec<Operation>, Problem> {
    let kept = new.map(held).unwrap_or_default();
    let gone: Vec<i64> = old.map(held).unwrap_or_default().difference(&kept).copied().collect();
    let mut operations = Vec::new();
    for port in gone {
        let (_, found) = call.api.store.get(&key(port), At::Latest).await.map_err(refusal::unreadable)?;
        if let Some(found) = found {
            let expect = Expect::at(found.revision());
            operations.push(Operation { key: key(port), expect, change: Change::Delete });
        }
    }
    Ok(operations)
}

/// Takes the ports that `spec` needs and `old` had not, and gives back what it has no more.
pub(super) async fn settle(
    call: &Call<'_>,
    owner: Owner<'_>,
    spec: &mut Edit<'_>,
    old: Option<View<'_>>,
    dry_run: bool,
) -> Result<Vec<Operation>, Problem> {
    let needs = needs_node_ports(spec.view());
    let is_same = old.is_some_and(|old| {
        ["type", "ports", "healthCheckNodePort", "externalTrafficPolicy", "allocateLoadBalancerNodePorts"]
            .iter()
            .all(|field| spec.view().field(field).value() == old.field(field).value())
    });
    if is_same || !needs && old.is_none_or(|old| held(old).is_empty()) {
        return Ok(Vec::new());
    }
    if let Some(old) = old.filter(|old| needs_health_port(*old) && needs_health_port(spec.view()))
        && health_port(old) != health_port(spec.view())
    {
        let (mut errors, path) = (Errors::new(), Path::new("spec"));
        errors.push(Error::forbidden(&path.child("healthCheckNodePort"), "field is immutable"));
        return Err(invalid(owner.name, &errors));
    }
    let mut operations = Vec::new();
    if needs {
        let listed = call.api.store.list(&ResourceName::new(RECORDS), At::Latest).await;
        let taken = listed.map_err(refusal::unreadable)?.table;
        let mut stock = Stock { call, taken, own: Vec::new(), dry_run };
        match old {
            None => begin(&mut stock, owner, spec)?,
            Some(old) => change(&mut stock, owner, spec, old)?,
        }
        let needed_health = old.is_some_and(needs_health_port);
        if needs_health_port(spec.view()) && !needed_health {
            take_health_port(&mut stock, spec)?;
        }
        for port in stock.own {
            operations.push(record(call, owner, port)?);
        }
    }
    operations.extend(release(call, old, Some(spec.view())).await?);
    Ok(operations)
}

/// The ports that there are to take.
struct Stock<'a> {
    call: &'a Call<'a>,
    taken: Table,
    /// What this write has taken.
    own: Vec<i64>,
    dry_run: bool,
}

impl Stock<'_> {
    fn is_free(&self, port: i64) -> bool {
        !self.own.contains(&port) && self.taken.get(&port.to_string()).is_none()
    }

    /// Takes this port, or says why not.
    fn take(&mut self, port: i64) -> Result<(), String> {
        // As upstream: what is only tried may name any port.
        let range = self.call.api.node_ports;
        if !self.dry_run && !range.has(port) {
            return Err(format!(
                "provided port is not in the valid range. The range of valid ports is {range}"
            ));
        }
        if !self.is_free(port) {
            return Err("provided port is already allocated".into());
        }
        self.own.push(port);
        Ok(())
    }

    /// Takes any port.
    fn take_any(&mut self) -> Result<i64, &'static str> {
        let range = self.call.api.node_ports;
        let port = if self.dry_run {
            // As upstream, what is shown for a port that will only be given when something is written lies behind the
            // range.
            Some(self.own.iter().max().copied().unwrap_or(range.last() + 1) + 1)
        } else {
            range.parts().into_iter().filter(|(first, last)| first <= last).find_map(|(first, last)| {
                let size = usize::try_from(last - first + 1).unwrap_or(1);
                let drawn = i64::try_from(self.call.api.entropy.below(size)).unwrap_or(0) + first;
                (drawn..=last).chain(first..drawn).find(|port| self.is_free(*port))
            })
        };
        let port = port.ok_or("range is full")?;
        self.own.push(port);
        Ok(port)
    }
}

fn refuse(owner: Owner<'_>, at: usize, port: i64, why: String) -> Problem {
    let (mut errors, path) = (Errors::new(), Path::new("spec"));
    let path = path.child("ports");
    errors.push(Error::invalid(&path.index(at).child("nodePort"), port, why));
    invalid(owner.name, &errors)
}

fn full(why: &str) -> Problem {
    Status::internal_error(format!("failed to allocate a nodePort: {why}")).into()
}

/// Whether ports are given to a service that does not name them.
fn gives_ports(spec: View<'_>) -> bool {
    spec.field("type").text() == kind::NODE_PORT || spec.field("allocateLoadBalancerNodePorts").is_true()
}

/// Gives a new service its ports. Ports of one number, for several protocols, share one on the nodes.
fn begin(stock: &mut Stock<'_>, owner: Owner<'_>, spec: &mut Edit<'_>) -> Result<(), Problem> {
    let gives = gives_ports(spec.view());
    let mut named: BTreeMap<i64, i64> = BTreeMap::new();
    for port in spec.view().field("ports").items() {
        let on_nodes = port.field("nodePort").int().filter(|number| *number != 0);
        if let (Some(number), Some(on_nodes)) = (port.field("port").int(), on_nodes) {
            named.entry(number).or_insert(on_nodes);
        }
    }
    let mut given: BTreeMap<i64, i64> = BTreeMap::new();
    for (i, mut port) in spec.items("ports").enumerate() {
        let (number, asked) = (port.int("port").unwrap_or(0), port.int("nodePort").unwrap_or(0));
        if asked == 0 && !gives {
            continue;
        }
        let got = match (given.get(&number), named.get(&number)) {
            (Some(got), _) if asked == 0 || asked == *got => *got,
            (Some(_), _) => {
                stock.take(asked).map_err(|why| refuse(owner, i, asked, why))?;
                asked
            }
            (None, Some(named)) => {
                stock.take(*named).map_err(|why| refuse(owner, i, *named, why))?;
                *named
            }
            (None, None) => stock.take_any().map_err(full)?,
        };
        given.entry(number).or_insert(got);
        port.set("nodePort", got);
    }
    Ok(())
}

/// Gives a service the ports that it has not got yet.
fn change(
    stock: &mut Stock<'_>,
    owner: Owner<'_>,
    spec: &mut Edit<'_>,
    old: View<'_>,
) -> Result<(), Problem> {
    let gives = gives_ports(spec.view());
    let had: BTreeSet<i64> = if needs_node_ports(old) { numbers(old).collect() } else { BTreeSet::new() };
    let mut settled: Vec<(String, i64)> = Vec::new();
    for (i, mut port) in spec.items("ports").enumerate() {
        let asked = port.int("nodePort").unwrap_or(0);
        let got = match asked {
            0 if !gives => continue,
            0 => {
                let got = stock.take_any().map_err(full)?;
                port.set("nodePort", got);
                got
            }
            asked => {
                if !had.contains(&asked) && !stock.own.contains(&asked) {
                    stock.take(asked).map_err(|why| refuse(owner, i, asked, why))?;
                }
                asked
            }
        };
        let protocol = port.text("protocol").to_owned();
        if settled.contains(&(protocol.clone(), got)) {
            return Err(refusal::plain(&format!("duplicate nodePort: {{{protocol} {got}}}")));
        }
        settled.push((protocol, got));
    }
    Ok(())
}

fn take_health_port(stock: &mut Stock<'_>, spec: &mut Edit<'_>) -> Result<(), Problem> {
    let failed = |words: String| Problem::from(Status::internal_error(words));
    match health_port(spec.view()) {
        Some(port) => stock.take(port).map_err(|why| {
            failed(format!("failed to allocate requested HealthCheck NodePort {port}: {why}"))
        }),
        None => {
            let got = stock.take_any();
            let got =
                got.map_err(|why| failed(format!("failed to allocate a HealthCheck NodePort 0: {why}")))?;
            spec.set("healthCheckNodePort", got);
            Ok(())
        }
    }
}

/// The record that a service has got a port, on condition that there is none.
fn record(call: &Call<'_>, owner: Owner<'_>, port: i64) -> Result<Operation, Problem> {
    let value = json!({"service": format!("{}/{}", owner.namespace, owner.name)}).to_string();
    let change = Change::Put { uid: call.api.entropy.uid(), value: value.into() };
    Ok(Operation { key: key(port), expect: Expect::ABSENT, change })
}
