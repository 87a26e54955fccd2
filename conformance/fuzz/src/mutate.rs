//! Inputs from seeds, by small and large changes.

use keelson_store::fault::Random;

/// Bytes of an input; what grows beyond is cut off. Enough for a nesting that no stack holds.
const BYTES_MAX: usize = 64 << 10;

/// Pieces that mean something to one of the readers.
const PIECES: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    "\"",
    ":",
    ",",
    "null",
    "true",
    "{}",
    "[]",
    "\"\"",
    "0",
    "-0",
    "-1",
    "1e400",
    "1.5",
    "2147483648",
    "9223372036854775808",
    "-9223372036854775809",
    "18446744073709551616",
    "\\u0000",
    "\\ud800",
    "\\",
    "\n",
    "\t",
    "\u{feff}",
    "é",
    "\u{10ffff}",
    "---",
    "...",
    "- ",
    ": ",
    "&a ",
    "*a",
    "<<: *a",
    "!!binary ",
    "!!str ",
    "|\n",
    ">-\n",
    "#",
    "~",
    "yes",
    "0x1f",
    "0o17",
    "=",
    "==",
    "!=",
    " in (",
    " notin (",
    ")",
    "!",
    "/",
    "..",
    "%2f",
    "%00",
    "?",
    "&",
    ";",
    "$patch",
    "$retainKeys",
    "$setElementOrder/",
    "$deleteFromPrimitiveList/",
    "k:{\"name\":\"a\"}",
    "f:metadata",
    ".",
    "apiVersion",
    "kind",
    "metadata",
    "name",
    "namespace",
    "resourceVersion",
    "uid",
    "labels",
    "managedFields",
    "spec",
    "status",
    "containers",
    "finalizers",
    "100m",
    "1Ki",
    "1E",
    "1e3",
    "Infinity",
    "NaN",
    "2026-01-01T00:00:00Z",
    "k8s\0",
];

pub(crate) struct Mutator {
    seeds: Vec<Vec<u8>>,
}

impl Mutator {
    pub(crate) fn new(seeds: &[&str]) -> Self {
        Self { seeds: seeds.iter().map(|seed| seed.as_bytes().to_vec()).collect() }
    }

    /// Lets other inputs grow from this one.
    pub(crate) fn keep(&mut self, input: Vec<u8>) {
        self.seeds.push(input);
    }

    /// The input of a round. The first ones are the seeds themselves.
    pub(crate) fn input(&self, round: u64, random: &mut Random) -> Vec<u8> {
        if let Some(seed) = self.seeds.get(round as usize).filter(|_| round < 16) {
            return seed.clone();
        }
        let mut input = random.pick(&self.seeds).clone();
        for _ in 0..random.between(1, 4) {
            self.change(&mut input, random);
        }
        input.truncate(BYTES_MAX);
        input
    }

    fn change(&self, input: &mut Vec<u8>, random: &mut Random) {
        let at = random.below(input.len() as u64 + 1) as usize;
        match random.below(9) {
            0 => {
                if let Some(byte) = input.get_mut(at) {
                    *byte ^= 1 << random.below(8);
                }
            }
            1 => {
                if let Some(byte) = input.get_mut(at) {
                    *byte = *random.pick(&[0, 1, b' ', b'"', 0x7f, 0x80, 0xff, random.clone().draw() as u8]);
                }
            }
            2 => drop(input.drain(range(input.len(), random))),
            3 => {
                let copied = input[range(input.len(), random)].to_vec();
                input.splice(at..at, copied);
            }
            4 => {
                let other = random.pick(&self.seeds);
                let part = other[range(other.len(), random)].to_vec();
                input.splice(range(input.len(), random), part);
            }
            5 => {
                let piece = random.pick(PIECES).repeat(*random.pick(&[2, 10, 200, 20_000]));
                input.splice(at..at, piece.into_bytes());
            }
            6 => {
                let removed = range(input.len(), random);
                input.splice(removed, random.pick(PIECES).bytes());
            }
            _ => drop(input.splice(at..at, random.pick(PIECES).bytes())),
        }
    }
}

/// Some bytes of `len`, mostly few.
fn range(len: usize, random: &mut Random) -> std::ops::Range<usize> {
    let start = random.below(len as u64 + 1) as usize;
    let most = if random.chance(700) { 8 } else { len as u64 };
    start..(start + random.below(most + 1) as usize).min(len)
}
