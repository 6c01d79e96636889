//! A stream's turn: read, hand over, decide, write down; again.
//!
//! The cursor moves only when the receiver has taken what lies before it, or was proven to refuse it alone, and only by whoever holds the
//! lease. Killed anywhere in here, the stream comes again when the lease ends and repeats at most one batch.

use std::{collections::VecDeque, sync::Arc, time::Instant};

use app::events::audit::redact;
use domain::{
    Event, Result,
    core::clock::fraction,
    delivery::log_streams::{
        Receiver,
        record::{Record, SET_ASIDE},
        verdict::{self, Attempt, Next, Reason},
    },
};
use store::{
    Change, NoEvent, WriteTx,
    delivery::log_streams::turns::{Advance, ClaimedStream, TurnEnd},
};

use super::{HELD, LogStreams, SCOPE, TURN};
use crate::queue::{Queue, failed};

/// Where a turn stands.
struct Turn<'a> {
    stream: &'a ClaimedStream,
    to: Receiver,
    /// The last record that needs no further attempt, as it is written down.
    seq: i64,
    /// What was read and not handed over yet, in order.
    ahead: VecDeque<Record>,
    /// Records that were gone.
    lost: i64,
    /// Records of the next batch at most, …
    room: usize,
    /// … and of any.
    most: usize,
    failures: u32,
    /// Records that were refused alone, and the statuses of that; they lie before what is ahead.
    suspects: Vec<(Record, u16)>,
}

impl LogStreams {
    /// Sends until nothing is left, something fails, or others are to have a turn.
    pub(super) async fn take_turn(&self, stream: &ClaimedStream) -> TurnEnd {
        let now = self.deps.clock.now();
        if !stream.may_send {
            return TurnEnd::Held(now + HELD);
        }
        let Some(credentials) = stream.credentials.clone() else {
            return self.wait(Reason::Unreadable, stream.failures);
        };
        let to = Receiver {
            id: stream.ticket.stream,
            provider: stream.provider,
            url: stream.url.clone(),
            options: stream.options.clone(),
            credentials,
        };
        let most = usize::try_from(stream.batch_size.get()).unwrap_or(1);
        let mut turn = Turn {
            stream,
            to,
            seq: stream.seq,
            ahead: VecDeque::new(),
            lost: 0,
            room: stream.room.unwrap_or(most).clamp(1, most),
            most,
            failures: stream.failures,
            suspects: Vec::new(),
        };
        let began = Instant::now();
        loop {
            match self.step(&mut turn).await {
                // The bookkeeping failed: what was sent since is sent again.
                Err(error) => {
                    failed(Self::NAME, "work", &error);
                    return TurnEnd::Held(self.deps.clock.now() + chrono::TimeDelta::seconds(1));
                }
                Ok(Some(end)) => return end,
                // Suspects are decided about first: the next turn would have to prove them again.
                Ok(None) if began.elapsed() > TURN && turn.suspects.is_empty() => return TurnEnd::Paused,
                Ok(None) => {}
            }
        }
    }

    /// How a turn ends that came to no answer of the receiver.
    pub(super) fn wait(&self, reason: Reason, failures: u32) -> TurnEnd {
        let attempt = Attempt { sent: 1, room: 1, most: 1, suspects: 0, failures };
        self.ended(verdict::next(verdict::Answer::No(reason), attempt, fraction(self.deps.ids.secret())))
    }

    /// One batch. `Some`: the turn ends so.
    async fn step(&self, turn: &mut Turn<'_>) -> Result<Option<TurnEnd>> {
        let limit = if turn.suspects.is_empty() { turn.room } else { 1 };
        if turn.ahead.len() < limit {
            self.read_on(turn).await?;
        }
        let jitter = fraction(self.deps.ids.secret());
        let batch = turn.batch(limit);
        if batch.is_empty() {
            return match turn.suspects.last() {
                // Nothing behind it says whether it is the record.
                Some((_, status)) => Ok(Some(self.ended(verdict::last_is_suspect(*status, turn.failures, jitter)))),
                None => self.catch_up(turn).await.map(Some),
            };
        }
        let handed = self.deps.receivers.send(&turn.to, turn.batch(limit)).await;
        metrics::counter!("tenantry_log_stream_batches_total").increment(1);
        let (room, suspects) = (limit, turn.suspects.len());
        let attempt = Attempt { sent: handed.sent, room, most: turn.most, suspects, failures: turn.failures };
        match verdict::next(handed.answer, attempt, jitter) {
            Next::GoOn { settled, poison, room, wait } => {
                if !self.go_on(turn, settled, &poison, room).await? {
                    // In other hands.
                    return Ok(Some(TurnEnd::Paused));
                }
                Ok(wait.map(|(after, failure)| TurnEnd::Failed(failure, self.deps.clock.now() + after)))
            }
            Next::Fewer { room } => {
                turn.room = room;
                Ok(None)
            }
            Next::Suspect(status) => {
                turn.room = 1;
                turn.suspects.extend(turn.ahead.pop_front().map(|record| (record, status)));
                Ok(None)
            }
            next @ Next::Wait { .. } => Ok(Some(self.ended(next))),
        }
    }

    fn ended(&self, next: Next) -> TurnEnd {
        let now = self.deps.clock.now();
        match next {
            Next::Wait { after, failure } => TurnEnd::Failed(failure, now + after),
            _ => TurnEnd::Held(now + HELD),
        }
    }

    /// Reads what follows, as many as a batch may have.
    async fn read_on(&self, turn: &mut Turn<'_>) -> Result<()> {
        let after = turn.last_read();
        let next = self.deps.store.log_stream_records(SCOPE, turn.stream.ticket, after, turn.most).await?;
        turn.lost += next.gone;
        turn.ahead.extend(next.records.into_iter().map(|mut record| {
            redact(&mut record.data);
            record
        }));
        turn.ahead.make_contiguous();
        Ok(())
    }

    /// Nothing is left to be sent; what is gone is passed over.
    async fn catch_up(&self, turn: &mut Turn<'_>) -> Result<TurnEnd> {
        if turn.lost > 0 {
            let seq = turn.seq + turn.lost;
            self.write(turn, seq, false, &[]).await?;
        }
        Ok(TurnEnd::Paused)
    }

    /// The receiver took something: writes down how far the stream came. `false`: it is in other hands.
    async fn go_on(&self, turn: &mut Turn<'_>, settled: usize, poison: &[(usize, u16)], room: usize) -> Result<bool> {
        let mut refused = std::mem::take(&mut turn.suspects);
        let mut taken = settled > poison.len();
        for (place, record) in turn.ahead.drain(..settled.min(turn.ahead.len())).enumerate() {
            turn.seq = record.seq;
            if let Some((_, status)) = poison.iter().find(|(at, _)| *at == place) {
                refused.push((record, *status));
            }
        }
        taken |= !refused.is_empty();
        turn.room = room;
        if settled == 0 {
            return Ok(true);
        }
        if taken {
            turn.failures = 0;
        }
        metrics::counter!("tenantry_log_stream_records_total").increment(settled as u64);
        self.write(turn, turn.seq, taken, &refused).await
    }

    /// Moves the cursor, and tells of records that were set aside in the same transaction.
    async fn write(&self, turn: &mut Turn<'_>, seq: i64, taken: bool, refused: &[(Record, u16)]) -> Result<bool> {
        let (now, ticket) = (self.deps.clock.now(), turn.stream.ticket);
        let by = Advance {
            seq,
            room: (turn.room < turn.most).then_some(turn.room),
            taken,
            set_aside: i64::try_from(refused.len()).unwrap_or(i64::MAX),
            lost: std::mem::take(&mut turn.lost),
            lease_until: super::lease_until(now),
        };
        turn.seq = seq;
        if refused.is_empty() {
            return self.deps.store.advance_log_stream(SCOPE, now, ticket, by).await;
        }
        let (id, name) = (ticket.stream, turn.stream.name.clone());
        // About the event that tells of it none is made: it might be refused as well, and so on.
        let told: Vec<Event> = refused
            .iter()
            .filter(|(record, _)| record.name != SET_ASIDE)
            .map(|(record, status)| Event::LogStreamRecordSetAside {
                siem_config_id: id,
                name: name.clone(),
                seq: record.seq,
                record_id: record.id,
                record_event: record.name.clone(),
                status: Some((*status).into()),
            })
            .collect();
        let work = async |tx: Arc<WriteTx>| {
            if !tx.advance_log_stream(SCOPE, ticket, by).await? {
                return Ok(Change::silent(false, NoEvent::Unchanged));
            }
            let mut told = told.into_iter();
            let Some(first) = told.next() else { return Ok(Change::silent(true, NoEvent::Housekeeping)) };
            Ok(told.fold(Change::new(true, ticket.org, first), |change, event| change.and(ticket.org, event)))
        };
        self.deps.store.write_as_job(SCOPE, now, work).await
    }
}

impl Turn<'_> {
    /// The next records, at most so many.
    fn batch(&self, limit: usize) -> &[Record] {
        let (front, _) = self.ahead.as_slices();
        &front[..front.len().min(limit)]
    }

    fn last_read(&self) -> i64 {
        let suspect = self.suspects.last().map(|(record, _)| record.seq);
        self.ahead.back().map(|record| record.seq).or(suspect).unwrap_or(self.seq)
    }
}
