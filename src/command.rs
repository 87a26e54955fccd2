//! The command line: what can be asked for, and the help that says so.

use std::path::PathBuf;

use clap::{Args, CommandFactory, Parser, Subcommand, ValueHint};
use clap_complete::Shell;
use keelson_apiserver::version;

use crate::config::{ServerFlags, StorageFlags};
use crate::controllers::ControllersLine;
use crate::convert::ConvertLine;
use crate::failure::Failure;
use crate::hollow::HollowLine;
use crate::past::{HistoryLine, UndoLine};
use crate::scheduler::SchedulerLine;

/// Kubernetes as one program.
#[derive(Debug, Parser)]
#[command(
    name = "keelson",
    version = version::GIT_VERSION,
    about = "Kubernetes as one program",
    disable_help_subcommand = true,
    subcommand_required = true,
    arg_required_else_help = true,
    max_term_width = 110,
    after_help = "Begin with:\n  \
        keelson up                                                 run a cluster, until Ctrl-C\n  \
        kubectl --kubeconfig ~/.keelson/admin.kubeconfig version   talk to it\n\n\
        Every setting is a flag, an environment variable (--data-dir is KEELSON_DATA_DIR) and a key\n\
        of the file given by --config; `keelson config default` prints them all, explained.",
)]
pub(crate) struct Line {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What can be asked for.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a cluster in the foreground
    #[command(after_help = "Examples:\n  \
        keelson up                                          in the usual place and port\n  \
        keelson up --data-dir /tmp/k --listen 127.0.0.1:0   beside another one\n  \
        keelson up --pki-dir /etc/kubernetes/pki            with an existing cluster's certificates\n\n\
        Ctrl-C lets requests under way finish; a second one ends at once.")]
    Up(ServerFlags),
    /// Run only the API server
    Apiserver(ServerFlags),
    /// Run only the controllers, for a server that a kubeconfig names
    #[command(after_help = "Examples:\n  \
        keelson controllers --kubeconfig admin.kubeconfig\n  \
        keelson controllers --controllers deployment-controller,replicaset-controller\n\n\
        Of several processes, the one that holds the lease kube-system/kube-controller-manager works.")]
    Controllers(ControllersLine),
    /// Run only the scheduler, for a server that a kubeconfig names
    #[command(after_help = "Example:\n  keelson scheduler --kubeconfig admin.kubeconfig\n\n\
        Of several processes, the one that holds the lease kube-system/kube-scheduler works.")]
    Scheduler(SchedulerLine),
    /// Be nodes that run pods without running them, for a server that a kubeconfig names
    #[command(after_help = "Examples:\n  \
        keelson hollow-nodes --count 1000 --kubeconfig admin.kubeconfig\n  \
        keelson hollow-nodes --hollow-node cpu=64,memory=256Gi,zones=3 --hollow-pods start-delay=2s,failing=1%\n\n\
        A pod says how it behaves by annotations: keelson.dev/run-for: 30s, keelson.dev/exit-code: \"1\".\n\
        A node with the annotation keelson.dev/hollow=stopped is as dead.")]
    HollowNodes(HollowLine),
    /// Look after stored data, whether a server is running on it or not
    #[command(subcommand_required = true, arg_required_else_help = true, disable_help_subcommand = true)]
    Storage(StorageLine),
    /// Print or check a configuration file
    #[command(subcommand, disable_help_subcommand = true)]
    Config(ConfigCommand),
    /// Convert an object between JSON, YAML and protobuf, from standard input to standard output
    #[command(after_help = "Example:\n  keelson convert --to protobuf < deployment.yaml > deployment.pb")]
    Convert(ConvertLine),
    /// Show what happened to an object, as far back as history is kept
    #[command(after_help = "Example:\n  keelson history deployment/web -n shop --diff")]
    History(HistoryLine),
    /// Make an object what it was, also one that was deleted
    #[command(after_help = "Example:\n  keelson undo deployment/web -n shop --to 1234")]
    Undo(UndoLine),
    /// Print the version
    Version {
        /// As JSON, in the form of the server's /version
        #[arg(long)]
        json: bool,
    },
    /// Print a completion script for your shell
    #[command(after_help = "Example:\n  keelson completion bash > /etc/bash_completion.d/keelson")]
    Completion {
        /// Your shell
        shell: Shell,
    },
}

/// What can be asked about configuration.
#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Print a file in which every setting stands with its meaning and its default
    Default,
    /// Check a file, and say what holds with it and why
    Check {
        /// The file; without it the one that --config or the environment names
        #[arg(value_hint = ValueHint::FilePath)]
        file: Option<PathBuf>,
        #[command(flatten)]
        flags: ServerFlags,
    },
}

/// Stored data, and what to do with it.
#[derive(Debug, Args)]
pub(crate) struct StorageLine {
    #[command(subcommand)]
    pub(crate) command: StorageCommand,
}

/// What can be done with stored data.
#[derive(Debug, Subcommand)]
pub(crate) enum StorageCommand {
    /// Say what is stored and what it takes up
    Status(StorageFlags),
    /// Read everything that is stored and verify it
    Check(StorageFlags),
    /// Drop the history that is kept, so that its disk space is free
    Compact(StorageFlags),
    /// Save everything into one file, or bring it back
    #[command(subcommand, disable_help_subcommand = true)]
    Snapshot(SnapshotCommand),
}

/// What can be done with snapshots.
#[derive(Debug, Subcommand)]
pub(crate) enum SnapshotCommand {
    /// Save everything, as it is at this moment, into FILE
    Save {
        /// Where to
        #[arg(value_hint = ValueHint::FilePath)]
        file: PathBuf,
        /// Replace FILE if it is there
        #[arg(long)]
        force: bool,
        #[command(flatten)]
        flags: StorageFlags,
    },
    /// Bring everything back from FILE, into an empty data directory, while no server runs on it
    Restore {
        /// Where from
        #[arg(value_hint = ValueHint::FilePath)]
        file: PathBuf,
        /// Replace what is stored there now
        #[arg(long)]
        force: bool,
        #[command(flatten)]
        flags: StorageFlags,
    },
}

/// Prints the version.
pub(crate) fn version(json: bool) -> Result<(), Failure> {
    if json {
        let text = serde_json::to_string_pretty(&version::INFO)
            .map_err(|error| Failure::from_error("cannot print the version", &error, ""))?;
        println!("{text}");
    } else {
        println!("keelson {} (Kubernetes {})", env!("CARGO_PKG_VERSION"), version::GIT_VERSION);
    }
    Ok(())
}

/// Prints a completion script.
pub(crate) fn completion(shell: Shell) -> Result<(), Failure> {
    clap_complete::generate(shell, &mut Line::command(), "keelson", &mut std::io::stdout());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Line::command().debug_assert();
    }
}
