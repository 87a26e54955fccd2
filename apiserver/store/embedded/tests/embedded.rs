//! What an engine on a real directory does: one binary, so that it is linked once.

#[path = "embedded/contract.rs"]
mod contract;
#[path = "embedded/damage.rs"]
mod damage;
#[path = "embedded/files.rs"]
mod files;
#[path = "embedded/full.rs"]
mod full;
#[path = "embedded/kill.rs"]
mod kill;
#[path = "embedded/model.rs"]
mod model;
#[path = "embedded/room.rs"]
mod room;
