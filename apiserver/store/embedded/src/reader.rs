//! Reads the log across its segments.

use std::collections::VecDeque;
use std::sync::Arc;

use keelson_store::backend::BackendError;
use keelson_store::batch::Batch;
use keelson_store::revision::Revision;

use crate::log::Piece;
use crate::segment::{Batches, Segment};

/// Where in the log a batch ends.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    /// The segment.
    first: Revision,
    offset: u64,
    head: Revision,
}

/// Batches of some segments in order. Reads, checks and decodes when it is asked, on the thread that asks.
pub(crate) struct Reader {
    pieces: VecDeque<Piece>,
    after: Revision,
    place: Option<Place>,
    current: Option<(Arc<Segment>, Batches)>,
}

impl Iterator for Reader {
    type Item = Result<Arc<Batch>, BackendError>;

    fn next(&mut self) -> Option<Self::Item> {
        let batch = self.read();
        if batch.is_err() {
            (self.current, self.pieces) = (None, VecDeque::new());
        }
        batch.transpose()
    }
}

impl Reader {
    /// Reads the batches of `pieces` after `after`. May begin at `place`, if that is not behind it.
    pub(crate) fn new(pieces: &[Piece], after: Revision, place: Option<Place>) -> Self {
        let pieces = pieces.iter().filter(|piece| piece.head > after).cloned().collect();
        Self { pieces, after, place, current: None }
    }

    /// Where the last batch ended.
    pub(crate) fn place(&self) -> Option<Place> {
        let (segment, batches) = self.current.as_ref()?;
        Some(Place { first: segment.first, offset: batches.offset(), head: batches.head() })
    }

    fn read(&mut self) -> Result<Option<Arc<Batch>>, BackendError> {
        loop {
            if let Some((_, batches)) = &mut self.current {
                while let Some(batch) = batches.next()? {
                    if batch.head() > self.after {
                        return Ok(Some(Arc::new(batch)));
                    }
                }
            }
            let Some(Piece { segment, end, .. }) = self.pieces.pop_front() else { return Ok(None) };
            let batches = match self.place.take().filter(|place| place.first == segment.first) {
                Some(place) => segment.batches_from(place.offset, place.head, end)?,
                None => segment.batches(end)?,
            };
            self.current = Some((segment, batches));
        }
    }
}
