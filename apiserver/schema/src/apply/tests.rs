//! Laws and behaviours of the whole.

mod behaviours;
mod generate;
mod laws;
