//! What was told, held against what happened: the log, which is all there is to say about a history. Afterwards the
//! calls are judged once more by those who see nothing but answers.

use std::collections::{BTreeMap, HashMap, HashSet};

use keelson_store::At;
use keelson_store::batch::Write;
use keelson_store::contract::{Broken, History, Objects, Outcome};
use keelson_store::fault::Faulty;
use keelson_store::key::Key;
use keelson_store::object::Object;
use keelson_store::revision::Revision;
use keelson_store::transaction::{
    Change, CommitError, Committed, Expect, Operation, Presence, Transaction, UnmetCondition,
};

use crate::clients::{Call, Did};
use crate::generated::told;
use crate::linear::{self, Effect, Tag, Told, Wants};
use crate::mirrors::{Session, inside};
use crate::world::Run;
use crate::{holds, same};

/// Those who judge a world, by name.
pub(crate) const BY_THE_LOG: &str = "by the log";
pub(crate) const BY_THE_ANSWERS: &str = "by the answers alone";

/// Judges everything that anybody in a world was told.
pub(crate) fn judge(run: &Run) -> Outcome {
    let truth = Truth::new(&run.truth.history())?;
    let calls = run.calls.lock();
    let verdicts =
        [(BY_THE_LOG, truth.judge(&calls, &run.sessions.lock())), (BY_THE_ANSWERS, explain(&calls, &truth))];
    let broken = verdicts.into_iter().filter_map(|(judge, verdict)| Some((judge, verdict.err()?)));
    let broken: Vec<_> = broken.map(|(judge, why)| format!("{judge}: {why}")).collect();
    holds(|| broken.join("\n  "), broken.is_empty())
}

/// The log, and every state it leads through.
struct Truth {
    /// Each write with its revision, and whether it is a rival's.
    writes: Vec<(Revision, Write, bool)>,
    states: Vec<Objects>,
}

impl Truth {
    fn new(history: &History) -> Outcome<Self> {
        let mut ids = HashSet::new();
        let mut writes = Vec::new();
        for batch in history.batches() {
            holds(|| format!("batch {:?} is in the log twice", batch.id), ids.insert(batch.id))?;
            let revisions = (batch.base.0 + 1..).map(Revision);
            let rival = Faulty::is_rival(batch.id);
            writes.extend(
                revisions.zip(&batch.writes).map(|(revision, write)| (revision, write.clone(), rival)),
            );
        }
        let mut states = vec![Objects::new()];
        for (_, write, _) in &writes {
            let mut state = states.last().cloned().unwrap_or_default();
            match write {
                Write::Put(resource, object) => {
                    state.insert(
                        Key { resource: resource.clone(), path: object.path().into() },
                        object.clone(),
                    );
                }
                Write::Delete(key) => drop(state.remove(key)),
            }
            states.push(state);
        }
        Ok(Self { writes, states })
    }

    fn judge(&self, calls: &[Call], sessions: &[Session]) -> Outcome {
        for call in calls {
            self.call(call).map_err(|Broken(why)| Broken(format!("{why}; in {}", describe(call))))?;
        }
        never_back(calls)?;
        self.writes(calls)?;
        sessions.iter().try_for_each(|session| self.session(session))
    }

    fn state(&self, at: Revision) -> Outcome<&Objects> {
        let state = (at.0.checked_sub(Revision::GENESIS.0)).and_then(|place| self.states.get(place as usize));
        state.ok_or_else(|| Broken(format!("there never was a revision {at}")))
    }

    fn write(&self, revision: Revision) -> Option<&Write> {
        let place = revision.0.checked_sub(Revision::GENESIS.0 + 1)?;
        self.writes.get(place as usize).map(|(_, write, _)| write)
    }

    fn call(&self, call: &Call) -> Outcome {
        match &call.did {
            Did::Commit(transaction, Ok(committed)) => self.committed(call, transaction, committed),
            Did::Commit(transaction, Err(CommitError::Unmet(condition))) => {
                self.unmet(call, transaction, condition)
            }
            Did::Commit(..) => Ok(()),
            Did::Get(key, at, revision, object) => {
                self.read_at(call, *at, *revision)?;
                same("the object", object.as_ref(), self.state(*revision)?.get(key))
            }
            Did::List(resource, at, snapshot) => {
                self.read_at(call, *at, snapshot.revision)?;
                let state = self.state(snapshot.revision)?.iter();
                let expected: Vec<_> =
                    state.filter(|(key, _)| key.resource == *resource).map(|(_, object)| object).collect();
                same("the list", &snapshot.table.iter().collect(), &expected)
            }
        }
    }

    /// Whether a read may show the state of this revision.
    fn read_at(&self, call: &Call, at: At, revision: Revision) -> Outcome {
        let oldest = match at {
            At::Latest => call.known,
            At::AtLeast(revision) | At::Exactly(revision) => revision,
            At::Cached => Revision::GENESIS,
        };
        holds(|| format!("{revision} is read, older than {oldest}"), revision >= oldest)?;
        holds(|| format!("{revision} is read, newer than {}", call.head), revision <= call.head)
    }

    fn committed(&self, call: &Call, transaction: &Transaction, committed: &Committed) -> Outcome {
        let writes =
            transaction.operations.iter().filter(|operation| !matches!(operation.change, Change::Check));
        let before = Revision(committed.revision.0.saturating_sub(writes.count() as u64));
        holds(|| format!("it stands on {before}, older than {}", call.known), before >= call.known)?;
        holds(|| format!("it is at {}, past the head", committed.revision), committed.revision <= call.head)?;
        let state = self.state(before)?;
        let mut revision = before;
        for (operation, object) in transaction.operations.iter().zip(&committed.objects) {
            let current = state.get(&operation.key);
            holds(|| format!("it met {current:?}"), met(operation.expect, current))?;
            match &operation.change {
                Change::Check => same("what was checked", object.as_ref(), current)?,
                Change::Put { uid, value } => {
                    revision = revision.plus(1);
                    let object =
                        object.as_ref().ok_or_else(|| Broken("a put without an object".to_owned()))?;
                    let expected = Write::Put(operation.key.resource.clone(), object.clone());
                    same("the write in the log", self.write(revision), Some(&expected))?;
                    let kept =
                        current.filter(|current| current.uid() == *uid).map_or(revision, Object::created);
                    same("its creation", object.created(), kept)?;
                    same("its value", object.value(), &value[..])?;
                    same("its revision", object.revision(), revision)?;
                }
                Change::Delete => {
                    revision = revision.plus(1);
                    let expected = Write::Delete(operation.key.clone());
                    same("the write in the log", self.write(revision), Some(&expected))?;
                    same("what was deleted", object.as_ref(), current)?;
                    holds(|| "nothing was deleted".to_owned(), current.is_some())?;
                }
            }
        }
        Ok(())
    }

    /// A refusal is right if there was a moment during the call at which it would have been.
    fn unmet(&self, call: &Call, transaction: &Transaction, condition: &UnmetCondition) -> Outcome {
        let Operation { key, expect, change } = &transaction.operations[condition.operation];
        let mut moments = (call.known.0..=call.head.0).map(Revision);
        let right = moments.any(|moment| {
            let state = self.state(moment).ok();
            let current = state.and_then(|state| state.get(key));
            let refused = !met(*expect, current) || (matches!(change, Change::Delete) && current.is_none());
            state.is_some() && refused && current == condition.current.as_ref()
        });
        holds(|| format!("never between {} and {} was it {condition:?}", call.known, call.head), right)
    }

    /// Every write in the log is somebody's who was not told otherwise, and nobody's twice.
    fn writes(&self, calls: &[Call]) -> Outcome {
        let mut values: HashMap<&[u8], u64> = HashMap::new();
        let mut deletions: BTreeMap<&Key, usize> = BTreeMap::new();
        for (revision, write, _) in self.writes.iter().filter(|(_, _, rival)| !rival) {
            match write {
                Write::Put(_, object) => {
                    let twice = values.insert(object.value(), revision.0);
                    holds(|| format!("{object:?} was written at {twice:?} already"), twice.is_none())?;
                }
                Write::Delete(key) => *deletions.entry(key).or_default() += 1,
            }
        }
        for call in calls {
            let Did::Commit(transaction, answer) = &call.did else { continue };
            let possible = matches!(answer, Ok(_) | Err(CommitError::Unknown(_)));
            let puts = transaction.operations.iter().filter_map(|operation| match &operation.change {
                Change::Put { value, .. } => Some(values.remove(&value[..])),
                _ => None,
            });
            let puts: Vec<_> = puts.collect();
            let found = puts.iter().flatten().count();
            holds(|| format!("it happened all the same: {}", describe(call)), possible || found == 0)?;
            holds(|| format!("it happened in part: {}", describe(call)), found == 0 || found == puts.len())?;
            for operation in &transaction.operations {
                if let (true, Change::Delete) = (possible, &operation.change) {
                    let left = deletions.entry(&operation.key).or_default();
                    *left = left.saturating_sub(1);
                }
            }
        }
        holds(|| format!("nobody wrote {values:?}"), values.is_empty())?;
        deletions.retain(|_, left| *left > 0);
        holds(|| format!("nobody deleted {deletions:?}"), deletions.is_empty())
    }

    /// A watch has shown everything that concerns it, in order, and has claimed nothing that it had not shown.
    fn session(&self, session: &Session) -> Outcome {
        let concerned = self.writes.iter().filter(|(revision, write, _)| {
            let key = Key { resource: write.resource().clone(), path: write.path().into() };
            let (before, after) = (self.state(Revision(revision.0 - 1)), self.state(*revision));
            let objects = before.iter().chain(&after).filter_map(|state| state.get(&key));
            *revision > session.after
                && key.resource == session.scope.resource
                && objects.into_iter().any(|object| inside(&session.scope, object))
        });
        let concerned: Vec<_> = concerned.map(|(revision, ..)| *revision).collect();
        let shown = concerned.get(..session.events.len());
        same("what a watch has shown", Some(&session.events[..]), shown)?;
        for (claim, count) in &session.claims {
            let due = concerned.partition_point(|revision| revision <= claim);
            holds(
                || format!("a watch claimed {claim} after {count} of {due} events: {session:?}"),
                due <= *count,
            )?;
        }
        Ok(())
    }
}

/// Who asks one store after the other call has ended is not shown an older state, whatever the store goes by.
fn never_back(calls: &[Call]) -> Outcome {
    for call in calls {
        let before = calls.iter().filter(|other| other.site == call.site && other.ended < call.began);
        let newest = before.filter_map(revision).max();
        if let (Some(newest), Some(own)) = (newest, revision(call)) {
            holds(|| format!("{newest} was shown before {}", describe(call)), own >= newest)?;
        }
    }
    Ok(())
}

/// The revision of the state that a call was shown, if it was shown one.
fn revision(call: &Call) -> Option<Revision> {
    match &call.did {
        Did::Commit(_, Ok(committed)) => Some(committed.revision),
        Did::Commit(_, Err(_)) => None,
        Did::Get(_, _, revision, _) => Some(*revision),
        Did::List(_, _, snapshot) => Some(snapshot.revision),
    }
}

/// Whether what is expected of an object holds.
fn met(expect: Expect, current: Option<&Object>) -> bool {
    let presence = match expect.presence {
        Presence::Any => true,
        Presence::Absent => current.is_none(),
        Presence::Present => current.is_some(),
    };
    let revision =
        expect.revision.is_none_or(|revision| current.is_some_and(|object| object.revision() == revision));
    let uid = expect.uid.is_none_or(|uid| current.is_some_and(|object| object.uid() == uid));
    presence && revision && uid
}

/// Judges the calls on each object by nothing but what was asked and answered.
fn explain(calls: &[Call], truth: &Truth) -> Outcome {
    let mut tags = Tags::default();
    // A version is known by its value. Which value a revision stands for, somebody was told who asks for it.
    for call in calls {
        for (key, object) in shown(call) {
            tags.versions.insert((key, object.revision()), object.value().to_vec());
        }
    }
    let mut objects: BTreeMap<Key, Vec<linear::Call>> = BTreeMap::new();
    for (_, write, _) in truth.writes.iter().filter(|(_, _, rival)| *rival) {
        let key = Key { resource: write.resource().clone(), path: write.path().into() };
        let effect = match write {
            Write::Put(_, object) => Effect::Put(tags.of(object.value())),
            Write::Delete(_) => Effect::Delete,
        };
        // Nobody has told when the rival called.
        let call =
            linear::Call { began: 0, ended: u64::MAX, wants: Wants::Anything, effect, told: Told::Unknown };
        objects.entry(key).or_default().push(call);
    }
    for call in calls {
        for (key, seen) in tags.project(call) {
            objects.entry(key).or_default().push(seen);
        }
    }
    for (key, calls) in objects {
        linear::explain(&calls).map_err(|Broken(why)| Broken(format!("{key}: {why}")))?;
    }
    Ok(())
}

/// The objects that a call was shown.
fn shown(call: &Call) -> Vec<(Key, Object)> {
    let with = |key: &Key, object: &Option<Object>| object.clone().map(|object| (key.clone(), object));
    match &call.did {
        Did::Commit(transaction, Ok(committed)) => {
            let operations = transaction.operations.iter().zip(&committed.objects);
            operations.filter_map(|(operation, object)| with(&operation.key, object)).collect()
        }
        Did::Commit(_, Err(CommitError::Unmet(condition))) => {
            with(&condition.key, &condition.current).into_iter().collect()
        }
        Did::Commit(..) => Vec::new(),
        Did::Get(key, _, _, object) => with(key, object).into_iter().collect(),
        Did::List(resource, _, snapshot) => {
            let key = |object: &Object| Key { resource: resource.clone(), path: object.path().into() };
            snapshot.table.iter().map(|object| (key(object), object.clone())).collect()
        }
    }
}

/// Values by number.
#[derive(Default)]
struct Tags {
    numbers: HashMap<Vec<u8>, Tag>,
    versions: HashMap<(Key, Revision), Vec<u8>>,
}

impl Tags {
    fn of(&mut self, value: &[u8]) -> Tag {
        let next = self.numbers.len() as Tag;
        *self.numbers.entry(value.to_vec()).or_insert(next)
    }

    fn seen(&mut self, object: Option<&Object>) -> Option<Tag> {
        object.map(|object| self.of(object.value()))
    }

    /// What a call says about single objects.
    fn project(&mut self, call: &Call) -> Vec<(Key, linear::Call)> {
        let (began, ended) = (call.began, call.ended);
        let looked = |told| linear::Call { began, ended, wants: Wants::Anything, effect: Effect::None, told };
        match &call.did {
            Did::Get(key, At::Latest, _, object) => {
                vec![(key.clone(), looked(Told::Saw(self.seen(object.as_ref()))))]
            }
            Did::List(resource, At::Latest, snapshot) => {
                let keys = crate::clients::KEYS.iter().filter(|(name, _)| *name == resource.as_str());
                let keys = keys.map(|(_, path)| Key { resource: resource.clone(), path: (*path).into() });
                keys.map(|key| {
                    let told = Told::Saw(self.seen(snapshot.table.get(&key.path)));
                    (key, looked(told))
                })
                .collect()
            }
            Did::Commit(transaction, Ok(_)) => self.operations(call, transaction, Told::Done),
            Did::Commit(transaction, Err(CommitError::Unknown(_))) => {
                // It happened as a whole or not at all, but that is for others to judge.
                self.operations(call, transaction, Told::Unknown)
            }
            Did::Commit(transaction, Err(CommitError::Unmet(condition))) => {
                let told = Told::Unmet(self.seen(condition.current.as_ref()));
                let operation = &transaction.operations[condition.operation];
                vec![self.operation(call, operation, told)]
            }
            // Refused before anything was looked at; or read from what was at hand.
            Did::Commit(..) | Did::Get(..) | Did::List(..) => Vec::new(),
        }
    }

    fn operations(&mut self, call: &Call, transaction: &Transaction, told: Told) -> Vec<(Key, linear::Call)> {
        transaction.operations.iter().map(|operation| self.operation(call, operation, told)).collect()
    }

    fn operation(&mut self, call: &Call, operation: &Operation, told: Told) -> (Key, linear::Call) {
        let Operation { key, expect, change } = operation;
        let wants = match (expect.revision, expect.presence) {
            (Some(revision), _) => {
                let value = self.versions.get(&(key.clone(), revision)).cloned();
                Wants::Version(self.of(&value.unwrap_or_default()))
            }
            (None, Presence::Any) => Wants::Anything,
            (None, Presence::Absent) => Wants::Nothing,
            (None, Presence::Present) => Wants::Something,
        };
        let effect = match change {
            Change::Put { value, .. } => Effect::Put(self.of(value)),
            Change::Delete => Effect::Delete,
            Change::Check => Effect::None,
        };
        let ended = if told == Told::Unknown { u64::MAX } else { call.ended };
        (key.clone(), linear::Call { began: call.began, ended, wants, effect, told })
    }
}

fn describe(call: &Call) -> String {
    let Call { site, began, ended, known, head, did } = call;
    let did = match did {
        Did::Commit(transaction, answer) => format!("{} -> {answer:?}", told(transaction)),
        Did::Get(key, at, revision, object) => format!("get {key} {at:?} -> {revision}: {object:?}"),
        Did::List(resource, at, snapshot) => {
            format!("list {resource} {at:?} -> {}: {:?}", snapshot.revision, snapshot.table)
        }
    };
    format!("call {began}..{ended} at store {site}, between {known} and {head}: {did}")
}
