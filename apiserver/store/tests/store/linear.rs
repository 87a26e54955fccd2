//! Whether what clients saw of one object can be explained at all: an order of their calls, each taking effect at one
//! moment between its beginning and its end, in which every answer is right (Herlihy and Wing's linearizability; the
//! search is Wing and Gong's, with the states it has been in remembered).
//!
//! Knows neither revisions nor the log: a version of the object is known by the write that made it.

use std::collections::HashSet;

use keelson_store::contract::{Broken, Outcome};

/// Which write made a version. Unique among all writes of a test.
pub(crate) type Tag = u64;

/// What must hold of the object for a call to have its effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wants {
    Anything,
    Nothing,
    Something,
    Version(Tag),
}

/// What it does then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    Put(Tag),
    Delete,
    None,
}

/// What its caller was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// It had its effect.
    Done,
    /// It did not, because the object was this.
    Unmet(Option<Tag>),
    /// It only looked, and the object was this.
    Saw(Option<Tag>),
    /// Nothing: it may have its effect at any time after its beginning, or never.
    Unknown,
}

/// What one client did to the object, and when, by a clock that ticks once for everything that happens.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call {
    pub(crate) began: u64,
    pub(crate) ended: u64,
    pub(crate) wants: Wants,
    pub(crate) effect: Effect,
    pub(crate) told: Told,
}

/// The object: absent, or the version that this write made.
type State = Option<Tag>;

/// How many calls there can be on one object.
pub(crate) const CALLS_MAX: usize = 256;
type Done = [u64; CALLS_MAX / 64];

impl Wants {
    fn met(self, state: State) -> bool {
        match self {
            Self::Anything => true,
            Self::Nothing => state.is_none(),
            Self::Something => state.is_some(),
            Self::Version(tag) => state == Some(tag),
        }
    }
}

impl Call {
    /// The state after the call, if it can have been made in this state.
    fn make(&self, state: State) -> Option<State> {
        let met = self.wants.met(state) && (self.effect != Effect::Delete || state.is_some());
        match self.told {
            Told::Saw(seen) => (seen == state).then_some(state),
            Told::Unmet(seen) => (seen == state && !met).then_some(state),
            Told::Done | Told::Unknown => met.then_some(match self.effect {
                Effect::Put(tag) => Some(tag),
                Effect::Delete => None,
                Effect::None => state,
            }),
        }
    }
}

/// Finds an order that explains all calls on an object that was absent before the first.
pub(crate) fn explain(calls: &[Call]) -> Outcome {
    assert!(calls.len() <= CALLS_MAX, "{} calls on one object are more than can be searched", calls.len());
    let mut calls = calls.to_vec();
    calls.sort_by_key(|call| call.began);
    let mut search = Search { calls: &calls, tried: HashSet::new(), furthest: 0, stuck: None };
    if search.go(&mut [0; CALLS_MAX / 64], None, 0) {
        return Ok(());
    }
    let stuck = search.stuck.map(|at| format!("{:?}", calls[at])).unwrap_or_default();
    let all: String = calls.iter().map(|call| format!("\n    {call:?}")).collect();
    Err(Broken(format!("no order explains these calls; the furthest try was stuck before {stuck}:{all}")))
}

struct Search<'a> {
    calls: &'a [Call],
    tried: HashSet<(Done, State)>,
    furthest: usize,
    stuck: Option<usize>,
}

impl Search<'_> {
    fn go(&mut self, done: &mut Done, state: State, count: usize) -> bool {
        if !self.tried.insert((*done, state)) {
            return false;
        }
        let left = |call: usize| done[call / 64] & (1 << (call % 64)) == 0;
        let certain =
            (0..self.calls.len()).filter(|call| left(*call) && self.calls[*call].told != Told::Unknown);
        // The one that ended first must come before everything that began later.
        let Some(next) = certain.min_by_key(|call| self.calls[*call].ended) else { return true };
        if count >= self.furthest {
            (self.furthest, self.stuck) = (count, Some(next));
        }
        let deadline = self.calls[next].ended;
        let mut candidates: Vec<_> = (0..self.calls.len()).filter(|call| left(*call)).collect();
        candidates.retain(|call| self.calls[*call].began < deadline);
        // What is certain first: most of the time nothing else is needed.
        candidates.sort_by_key(|call| (self.calls[*call].told == Told::Unknown, self.calls[*call].ended));
        for call in candidates {
            let Some(after) = self.calls[call].make(state) else { continue };
            done[call / 64] |= 1 << (call % 64);
            if self.go(done, after, count + 1) {
                return true;
            }
            done[call / 64] &= !(1 << (call % 64));
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEVER: u64 = u64::MAX;

    fn call(began: u64, ended: u64, wants: Wants, effect: Effect, told: Told) -> Call {
        Call { began, ended, wants, effect, told }
    }

    fn put(began: u64, ended: u64, tag: Tag) -> Call {
        call(began, ended, Wants::Anything, Effect::Put(tag), Told::Done)
    }

    fn swap(began: u64, ended: u64, from: Tag, to: Tag, told: Told) -> Call {
        call(began, ended, Wants::Version(from), Effect::Put(to), told)
    }

    fn create(began: u64, ended: u64, tag: Tag, told: Told) -> Call {
        call(began, ended, Wants::Nothing, Effect::Put(tag), told)
    }

    fn delete(began: u64, ended: u64, told: Told) -> Call {
        call(began, ended, Wants::Something, Effect::Delete, told)
    }

    fn saw(began: u64, ended: u64, seen: Option<Tag>) -> Call {
        call(began, ended, Wants::Anything, Effect::None, Told::Saw(seen))
    }

    fn lost(call: Call) -> Call {
        Call { told: Told::Unknown, ended: NEVER, ..call }
    }

    #[test]
    fn what_can_have_happened_is_explained_and_nothing_else() {
        use Told::{Done, Unmet};
        let table: &[(&str, bool, &[Call])] = &[
            ("nothing", true, &[]),
            ("read what was written", true, &[put(1, 2, 7), saw(3, 4, Some(7))]),
            ("read what was never written", false, &[saw(1, 2, Some(7))]),
            ("a read that overlaps the write may miss it", true, &[put(1, 4, 7), saw(2, 3, None)]),
            ("a read after the write may not", false, &[put(1, 2, 7), saw(3, 4, None)]),
            ("a read never goes back", false, &[put(1, 9, 7), saw(2, 3, Some(7)), saw(4, 5, None)]),
            ("two writes at once, either last", true, &[put(1, 5, 7), put(2, 6, 8), saw(7, 8, Some(7))]),
            (
                "one write after the other, the first last",
                false,
                &[put(1, 2, 7), put(3, 4, 8), saw(5, 6, Some(7))],
            ),
            ("two creations, one refused", true, &[create(1, 5, 7, Done), create(2, 6, 8, Unmet(Some(7)))]),
            ("two creations, none refused", false, &[create(1, 5, 7, Done), create(2, 6, 8, Done)]),
            ("refused for no reason", false, &[put(1, 2, 7), swap(3, 4, 7, 8, Unmet(Some(7)))]),
            (
                "refused for what was there before",
                false,
                &[put(1, 2, 7), put(3, 4, 8), swap(5, 6, 8, 9, Unmet(Some(7)))],
            ),
            (
                "one of two swaps is lost",
                false,
                &[put(1, 2, 7), swap(3, 6, 7, 8, Done), swap(4, 7, 7, 9, Done)],
            ),
            ("deleted once", true, &[put(1, 2, 7), delete(3, 6, Done), delete(4, 7, Unmet(None))]),
            ("deleted twice", false, &[put(1, 2, 7), delete(3, 6, Done), delete(4, 7, Done)]),
            (
                "a lost write is seen at last",
                true,
                &[lost(put(1, 0, 7)), saw(2, 3, None), saw(4, 5, Some(7))],
            ),
            ("a lost write is never seen", true, &[lost(put(1, 0, 7)), saw(2, 3, None), saw(4, 5, None)]),
            (
                "a lost write goes away again",
                false,
                &[lost(put(1, 0, 7)), saw(2, 3, Some(7)), saw(4, 5, None)],
            ),
            ("a lost write is seen before it began", false, &[saw(1, 2, Some(7)), lost(put(3, 0, 7))]),
            (
                "a lost write happens twice",
                false,
                &[lost(put(1, 0, 7)), saw(2, 3, Some(7)), put(4, 5, 8), saw(6, 7, Some(7))],
            ),
            (
                "a lost swap whose time is over",
                false,
                &[
                    put(1, 2, 7),
                    lost(swap(3, 0, 7, 9, Done)),
                    put(4, 5, 8),
                    saw(6, 7, Some(8)),
                    saw(8, 9, Some(9)),
                ],
            ),
            (
                "a lost deletion explains a creation",
                true,
                &[put(1, 2, 7), lost(delete(3, 0, Done)), create(4, 5, 8, Done)],
            ),
        ];
        for (what, explained, calls) in table {
            assert_eq!(explain(calls).is_ok(), *explained, "{what}");
        }
    }

    #[test]
    fn many_at_once_are_searched_in_no_time() {
        // Everything overlaps everything, and half of it is unknown.
        let writes = (0..100).map(|tag| if tag % 2 == 0 { put(1, 1000, tag) } else { lost(put(1, 0, tag)) });
        let mut calls: Vec<_> = writes.collect();
        calls.extend((0..50).map(|read| saw(1001 + 2 * read, 1002 + 2 * read, Some(98))));
        assert!(explain(&calls).is_ok());
    }
}
