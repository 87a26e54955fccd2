//! The graph of packages, as cargo resolves it.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;
use std::sync::OnceLock;

use serde::Deserialize;

use crate::sources::root;

/// Every package, and who depends on whom.
#[derive(Debug, Default)]
pub(crate) struct Graph {
    pub(crate) packages: BTreeMap<String, Package>,
}

/// One package. Several versions of one name count as one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Package {
    /// Whether it is one of ours.
    pub(crate) member: bool,
    pub(crate) license: Option<String>,
    /// Whatever it needs to be built or tested.
    pub(crate) needs: BTreeSet<String>,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<FoundPackage>,
    workspace_members: Vec<String>,
    resolve: Resolve,
}

#[derive(Deserialize)]
struct FoundPackage {
    id: String,
    name: String,
    license: Option<String>,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    dependencies: Vec<String>,
}

/// The workspace's graph.
pub(crate) fn graph() -> &'static Graph {
    static GRAPH: OnceLock<Graph> = OnceLock::new();
    GRAPH.get_or_init(|| {
        let platform = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
        let args =
            ["metadata", "--format-version=1", "--offline", "--locked", "--filter-platform", &platform];
        let output = Command::new(env!("CARGO")).args(args).current_dir(root()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Graph::of(&serde_json::from_slice(&output.stdout).unwrap())
    })
}

impl Graph {
    fn of(metadata: &Metadata) -> Self {
        let names: BTreeMap<&str, &str> =
            metadata.packages.iter().map(|package| (package.id.as_str(), package.name.as_str())).collect();
        let mut graph = Self::default();
        for found in &metadata.packages {
            let package = graph.packages.entry(found.name.clone()).or_default();
            package.member |= metadata.workspace_members.contains(&found.id);
            package.license = found.license.clone().or(package.license.take());
        }
        for node in &metadata.resolve.nodes {
            let needs = node.dependencies.iter().map(|id| names[id.as_str()].to_owned());
            graph.packages.get_mut(names[node.id.as_str()]).unwrap().needs.extend(needs);
        }
        graph
    }

    /// A sample: each package with what it needs; those whose names begin with `keelson` are ours.
    pub(crate) fn sample(packages: &[(&str, &[&str])]) -> Self {
        let package = |(name, needs): &(&str, &[&str])| {
            let needs = needs.iter().map(|need| (*need).to_owned()).collect();
            let member = name.starts_with("keelson");
            ((*name).to_owned(), Package { member, license: None, needs })
        };
        Self { packages: packages.iter().map(package).collect() }
    }

    /// Ours.
    pub(crate) fn members(&self) -> impl Iterator<Item = (&String, &Package)> {
        self.packages.iter().filter(|(_, package)| package.member)
    }

    /// Who needs `name`.
    pub(crate) fn users<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a String> + 'a {
        self.packages.iter().filter(move |(_, package)| package.needs.contains(name)).map(|(user, _)| user)
    }
}
