//! How two texts differ, line by line, in the unified form: what an update's refusal shows.
//!
//! Which lines are taken for the same follows the well-known method of longest matching blocks (Ratcliff and Obershelp)
//! with its rule for lines that are everywhere, so that the result is upstream's, byte for byte.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::ops::Range;

/// How many lines of each text are compared at most; the method may take their square. What lies behind is left out.
pub const LINES_MAX: usize = 20_000;

/// How many lines are shown around what differs.
const CONTEXT: usize = 3;

/// From how many lines on those that are everywhere say nothing.
const MANY_LINES: usize = 200;

/// The difference of `new` from `old`; empty if there is none.
#[must_use]
pub fn unified(old: &str, new: &str) -> String {
    let (old, new) = (lines(old), lines(new));
    let mut out = String::new();
    for group in groups(changes(&blocks(&old, &new))) {
        let (Some(first), Some(last)) = (group.first(), group.last()) else { continue };
        let (from, to) = (first.old.start..last.old.end, first.new.start..last.new.end);
        _ = writeln!(out, "@@ -{} +{} @@", span(&from), span(&to));
        for change in group {
            let mut write = |mark: char, lines: &[&str]| {
                lines.iter().for_each(|line| _ = writeln!(out, "{mark}{line}"));
            };
            if change.is_same {
                write(' ', &old[change.old]);
            } else {
                write('-', &old[change.old]);
                write('+', &new[change.new]);
            }
        }
    }
    out
}

fn lines(text: &str) -> Vec<&str> {
    text.split('\n').take(LINES_MAX).collect()
}

/// Lines that follow each other in both texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Block {
    old: usize,
    new: usize,
    length: usize,
}

/// All blocks, in order, and an empty one at the end.
fn blocks(old: &[&str], new: &[&str]) -> Vec<Block> {
    let mut places: HashMap<&str, Vec<usize>> = HashMap::new();
    for (at, line) in new.iter().enumerate() {
        places.entry(line).or_default().push(at);
    }
    if new.len() >= MANY_LINES {
        let most = new.len() / 100 + 1;
        places.retain(|_, places| places.len() <= most);
    }
    let mut found = Vec::new();
    let mut open = vec![(0..old.len(), 0..new.len())];
    while let Some((of_old, of_new)) = open.pop() {
        let block = longest(old, new, &places, of_old.clone(), of_new.clone());
        if block.length == 0 {
            continue;
        }
        found.push(block);
        let (old_end, new_end) = (block.old + block.length, block.new + block.length);
        for rest in
            [(of_old.start..block.old, of_new.start..block.new), (old_end..of_old.end, new_end..of_new.end)]
        {
            if !rest.0.is_empty() && !rest.1.is_empty() {
                open.push(rest);
            }
        }
    }
    found.sort_unstable_by_key(|block| (block.old, block.new));
    let mut joined: Vec<Block> = Vec::new();
    for block in found {
        match joined.last_mut() {
            Some(last) if last.old + last.length == block.old && last.new + last.length == block.new => {
                last.length += block.length;
            }
            _ => joined.push(block),
        }
    }
    joined.push(Block { old: old.len(), new: new.len(), length: 0 });
    joined
}

/// The longest block within these parts of the texts; of several the first.
fn longest(
    old: &[&str],
    new: &[&str],
    places: &HashMap<&str, Vec<usize>>,
    of_old: Range<usize>,
    of_new: Range<usize>,
) -> Block {
    let mut best = Block { old: of_old.start, new: of_new.start, length: 0 };
    // How long the block is that ends with the line before and with each line of the new text.
    let mut lengths: HashMap<usize, usize> = HashMap::new();
    for at in of_old.clone() {
        let mut next = HashMap::new();
        let same = places.get(old[at]).map_or(&[][..], Vec::as_slice);
        for place in same.iter().copied().filter(|place| of_new.contains(place)) {
            let before = place.checked_sub(1).and_then(|before| lengths.get(&before));
            let length = before.copied().unwrap_or(0) + 1;
            next.insert(place, length);
            if length > best.length {
                best = Block { old: at + 1 - length, new: place + 1 - length, length };
            }
        }
        lengths = next;
    }
    // Lines that are everywhere begin no block, but go with one.
    while best.old > of_old.start && best.new > of_new.start && old[best.old - 1] == new[best.new - 1] {
        best = Block { old: best.old - 1, new: best.new - 1, length: best.length + 1 };
    }
    while best.old + best.length < of_old.end
        && best.new + best.length < of_new.end
        && old[best.old + best.length] == new[best.new + best.length]
    {
        best.length += 1;
    }
    best
}

/// A part of both texts that is the same, or has become another.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Change {
    is_same: bool,
    old: Range<usize>,
    new: Range<usize>,
}

fn changes(blocks: &[Block]) -> Vec<Change> {
    let (mut old, mut new) = (0, 0);
    let mut changes = Vec::new();
    for block in blocks {
        if old < block.old || new < block.new {
            changes.push(Change { is_same: false, old: old..block.old, new: new..block.new });
        }
        (old, new) = (block.old + block.length, block.new + block.length);
        if block.length > 0 {
            changes.push(Change { is_same: true, old: block.old..old, new: block.new..new });
        }
    }
    changes
}

/// Changes with the lines around them; those that are near each other together.
fn groups(mut changes: Vec<Change>) -> Vec<Vec<Change>> {
    if let Some(first) = changes.first_mut().filter(|first| first.is_same) {
        first.old.start = first.old.start.max(first.old.end.saturating_sub(CONTEXT));
        first.new.start = first.new.start.max(first.new.end.saturating_sub(CONTEXT));
    }
    if let Some(last) = changes.last_mut().filter(|last| last.is_same) {
        last.old.end = last.old.end.min(last.old.start + CONTEXT);
        last.new.end = last.new.end.min(last.new.start + CONTEXT);
    }
    let mut groups = Vec::new();
    let mut group: Vec<Change> = Vec::new();
    for mut change in changes {
        if change.is_same && change.old.len() > 2 * CONTEXT {
            group.push(Change {
                is_same: true,
                old: change.old.start..change.old.start + CONTEXT,
                new: change.new.start..change.new.start + CONTEXT,
            });
            groups.push(std::mem::take(&mut group));
            change.old.start = change.old.end - CONTEXT;
            change.new.start = change.new.end - CONTEXT;
        }
        group.push(change);
    }
    groups.push(group);
    groups.retain(|group| group.iter().any(|change| !change.is_same));
    groups
}

/// Which lines these are, as the unified form says it: the first and how many.
fn span(lines: &Range<usize>) -> String {
    match lines.len() {
        1 => (lines.start + 1).to_string(),
        0 => format!("{},0", lines.start),
        length => format!("{},{length}", lines.start + 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(lines: &[&str]) -> String {
        lines.join("\n")
    }

    #[test]
    fn the_same_differs_in_nothing() {
        assert_eq!(unified("a\nb", "a\nb"), "");
    }

    #[test]
    fn what_differs_is_shown_with_the_lines_around_it() {
        let old = text(&["1", "2", "3", "4", "5", "6", "7", "8", "9"]);
        let new = text(&["1", "2", "3", "4", "x", "6", "7", "8", "9"]);
        assert_eq!(unified(&old, &new), "@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+x\n 6\n 7\n 8\n");
    }

    #[test]
    fn what_is_far_apart_is_shown_apart() {
        let lines: Vec<String> = (1..=20).map(|number| number.to_string()).collect();
        let mut changed = lines.clone();
        changed[0] = "a".into();
        changed[19] = "b".into();
        let expected = "@@ -1,4 +1,4 @@\n-1\n+a\n 2\n 3\n 4\n@@ -17,4 +17,4 @@\n 17\n 18\n 19\n-20\n+b\n";
        assert_eq!(unified(&lines.join("\n"), &changed.join("\n")), expected);
    }

    #[test]
    fn lines_are_added_and_taken_away() {
        assert_eq!(unified("a\nb", "a\nc\nb"), "@@ -1,2 +1,3 @@\n a\n+c\n b\n");
        assert_eq!(unified("a\nc\nb", "a\nb"), "@@ -1,3 +1,2 @@\n a\n-c\n b\n");
        assert_eq!(unified("ab\nd", "x"), "@@ -1,2 +1 @@\n-ab\n-d\n+x\n");
    }

    #[test]
    fn the_longest_block_decides() {
        // Not the first line that is the same, but the longest run of them.
        assert_eq!(unified("a\nb", "a\nc\na\nb"), "@@ -1,2 +1,4 @@\n+a\n+c\n a\n b\n");
    }
}
