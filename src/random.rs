//! The machine's random numbers: the only place that draws them.

use std::cell::RefCell;

use crate::failure::Failure;

/// Bytes that each thread asks the system for at once: every request takes a few, and asking costs more than that.
const SUPPLY_BYTES: usize = 1024;

/// What a thread has asked for and not used yet, at the front.
struct Supply {
    bytes: [u8; SUPPLY_BYTES],
    left: usize,
}

thread_local! {
    static SUPPLY: RefCell<Supply> = const { RefCell::new(Supply { bytes: [0; SUPPLY_BYTES], left: 0 }) };
}

/// Fills `bytes` with random numbers that nobody can guess.
///
/// # Panics
/// If the system gives none, which it does not do once it has begun to.
pub(crate) fn fill(bytes: &mut [u8]) {
    if bytes.len() > SUPPLY_BYTES {
        return draw(bytes);
    }
    SUPPLY.with_borrow_mut(|supply| {
        if supply.left < bytes.len() {
            draw(&mut supply.bytes);
            supply.left = SUPPLY_BYTES;
        }
        supply.left -= bytes.len();
        let taken = &mut supply.bytes[supply.left..][..bytes.len()];
        bytes.copy_from_slice(taken);
        // What somebody has got is nowhere else.
        taken.fill(0);
    });
}

fn draw(bytes: &mut [u8]) {
    getrandom::fill(bytes).expect("the system gave random numbers at the start");
}

/// Random bytes that nobody can guess.
pub(crate) fn bytes<const N: usize>() -> Result<[u8; N], Failure> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)
        .map_err(|error| Failure::from_error("the system gives no random numbers", &error, ""))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn nothing_is_given_twice() {
        let mut seen = HashSet::new();
        for _ in 0..1_000 {
            let mut bytes = [0; 16];
            fill(&mut bytes);
            assert!(seen.insert(bytes));
        }
        let mut large = [0; SUPPLY_BYTES * 2];
        fill(&mut large);
        assert!(large.chunks(16).all(|bytes| bytes != [0; 16]));
    }
}
