//! The machine's random numbers: the only place that draws them.

use crate::failure::Failure;

/// Fills `bytes` with random numbers that nobody can guess.
///
/// # Panics
/// If the system gives none, which it does not do once it has begun to.
pub(crate) fn fill(bytes: &mut [u8]) {
    getrandom::fill(bytes).expect("the system gave random numbers at the start");
}

/// Random bytes that nobody can guess.
pub(crate) fn bytes<const N: usize>() -> Result<[u8; N], Failure> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)
        .map_err(|error| Failure::from_error("the system gives no random numbers", &error, ""))?;
    Ok(bytes)
}
