//! Settings as flags of a command.

use std::path::PathBuf;

use clap::builder::ValueHint;
use clap::{Arg, ArgAction, ArgMatches, Args, Command, Error, FromArgMatches};

use super::Given;
use super::table::{LOG_LEVEL, Of, SETTINGS};

/// The flags of a command that serves.
#[derive(Clone, Debug)]
pub(crate) struct ServerFlags(pub(crate) Given);

/// The flags of a command that looks after stored data.
#[derive(Clone, Debug)]
pub(crate) struct StorageFlags(pub(crate) Given);

/// The flags of the command that runs controllers alone.
#[derive(Clone, Debug)]
pub(crate) struct ControllerFlags(pub(crate) Given);

/// The flags of the command that runs the scheduler alone.
#[derive(Clone, Debug)]
pub(crate) struct SchedulerFlags(pub(crate) Given);

/// The flags of the command that runs hollow nodes alone.
#[derive(Clone, Debug)]
pub(crate) struct HollowFlags(pub(crate) Given);

/// What stands for the value of a setting that may be given several times.
const LIST: &str = "LIST";
const CONFIG: &str = "config";
const VERBOSE: &str = "verbose";

fn add(command: Command, of: &[Of]) -> Command {
    let around = super::surroundings();
    let command =
        SETTINGS.iter().filter(|setting| of.contains(&setting.of)).fold(command, |command, setting| {
            let default = (setting.default)(&around);
            let default = if default.is_empty() { String::new() } else { format!(" [default: {default}]") };
            let hint = if setting.value == "DIR" { ValueHint::DirPath } else { ValueHint::Unknown };
            let flag = Arg::new(setting.name)
                .long(setting.name)
                .value_name(setting.value)
                .value_hint(hint)
                .help_heading(setting.heading)
                .help(format!("{}{default}", setting.help));
            // Lists may be given in pieces.
            let flag = if setting.value == LIST { flag.action(ArgAction::Append) } else { flag };
            let command = command.arg(flag);
            if setting.name != LOG_LEVEL {
                return command;
            }
            let verbose = Arg::new(VERBOSE).short('v').long(VERBOSE).action(ArgAction::Count);
            let help = "Log more: -v is --log-level debug, -vv is trace";
            command.arg(verbose.help_heading(setting.heading).help(help).conflicts_with(LOG_LEVEL))
        });
    let config = Arg::new(CONFIG).long(CONFIG).value_name("FILE").value_hint(ValueHint::FilePath);
    let help = "Read settings from the YAML file FILE; `keelson config default` prints one";
    let config =
        config.value_parser(clap::value_parser!(PathBuf)).help_heading("Where things are").help(help);
    command.arg(config)
}

fn take(matches: &ArgMatches, of: &[Of]) -> Given {
    let named = SETTINGS.iter().filter(|setting| of.contains(&setting.of));
    let values = named.filter_map(|setting| {
        let given: Vec<&str> = matches.get_many::<String>(setting.name)?.map(String::as_str).collect();
        Some((setting.name, given.join(",")))
    });
    Given {
        values: values.collect(),
        config: matches.get_one(CONFIG).cloned(),
        verbose: matches.get_count(VERBOSE),
    }
}

macro_rules! flags {
    ($flags:ty, $of:expr) => {
        impl FromArgMatches for $flags {
            fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
                Ok(Self(take(matches, $of)))
            }

            fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
                self.0 = take(matches, $of);
                Ok(())
            }
        }

        impl Args for $flags {
            fn augment_args(command: Command) -> Command {
                add(command, $of)
            }

            fn augment_args_for_update(command: Command) -> Command {
                add(command, $of)
            }
        }
    };
}

flags!(ServerFlags, &[Of::Servers, Of::Controllers, Of::Scheduler, Of::Hollow, Of::All]);
flags!(StorageFlags, &[Of::All]);
flags!(ControllerFlags, &[Of::Controllers, Of::All]);
flags!(SchedulerFlags, &[Of::Scheduler, Of::All]);
flags!(HollowFlags, &[Of::Hollow, Of::All]);
