//! Checks an export line by line, in constant memory, and names the first record that is not what it was.
//!
//! The chain alone can be computed anew by whoever alters a record, so a careless forgery breaks a link and is named exactly, while a
//! careful one agrees with itself up to the next checkpoint, whose root was signed: then the segment is named. Who forges the
//! checkpoints as well needs the private key, or a reader who takes the keys from the file ([`Report::keys_were_given`]).
//!
//! A broken link has several possible reasons (altered, missing, added, moved); the lines after it tell which: [`suspect`].

mod finding;
mod suspect;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use domain::OrgId;
use serde_json::json;

pub use self::finding::{Finding, What};
use self::suspect::{Place, Suspect, consistent};
use super::{
    chain,
    checkpoint::{Claims, PublicKeys, fingerprint},
    export::{Anchor, End, FORMAT, Header, Line, MAX_SEGMENT, OLD_FORMAT, Record},
    statement::{Ended, Erased, Retained},
};

/// What a good file is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Whose log.
    pub organization: OrgId,
    /// The number before the first record: what was there before has been removed by retention.
    pub anchor: i64,
    /// Whether a checkpoint proves the anchor. An unsigned one can only come from before there were checkpoints.
    pub anchor_is_signed: bool,
    /// The last record.
    pub last: i64,
    /// Records.
    pub records: u64,
    /// Of these, erased ones.
    pub erased: u64,
    /// Checkpoints.
    pub checkpoints: u64,
    /// Up to which record they reach. What comes after could have been cut off or altered by whoever can compute a hash.
    pub sealed: i64,
    /// Checkpoints of the reader's own that the file agrees with.
    pub held: u64,
    /// Checkpoints of the reader's own that are about records which retention has removed.
    pub outlived: u64,
    /// When it was written, as the statement at its end says. None: it is of the format before, in which nothing is proven of where the file
    /// begins and ends and of what was erased.
    pub written_at: Option<String>,
    /// Whether the keys came from elsewhere. If not, the file proves that it is whole, but not whose it is.
    pub keys_were_given: bool,
}

/// Reads one export.
pub struct Verifier {
    keys: Option<PublicKeys>,
    held: Vec<String>,
    log: Option<Log>,
    suspect: Option<Suspect>,
}

/// Where the reading stands.
struct Log {
    report: Report,
    keys: PublicKeys,
    /// The chain before the last record, and at it.
    before: String,
    here: Place,
    /// Leaves since the last checkpoint, or none if there were too many for one.
    leaves: Option<Vec<Option<String>>>,
    previous: Option<String>,
    held: BTreeMap<i64, Claims>,
    ended: bool,
    /// Whether the file is of the format before.
    old: bool,
}

type Checked<T = ()> = Result<T, Finding>;

/// No log gets that far, and what is computed with a larger number would overflow.
const HIGHEST: i64 = 1 << 53;

impl Verifier {
    /// `keys` come from elsewhere than the file, or not at all; `held` are checkpoints (JWS) that the reader kept.
    pub fn new(keys: Option<PublicKeys>, held: Vec<String>) -> Self {
        Self { keys, held, log: None, suspect: None }
    }

    /// Reads line `number`. An error is final.
    pub fn line(&mut self, number: u64, text: &str) -> Checked {
        let line = serde_json::from_str(text).map_err(|e| Finding::unreadable(number, &e.to_string()))?;
        if !(0..=HIGHEST).contains(&number_in(&line)) {
            return Err(Finding::unreadable(number, "no record has such a number"));
        }
        let Some(log) = &mut self.log else {
            let Line::Header(header) = line else { return Err(Finding::unreadable(number, "the file has no header")) };
            self.log = Some(Log::begin(header, self.keys.take(), &self.held)?);
            return Ok(());
        };
        match (&mut self.suspect, line) {
            (Some(suspect), Line::Record(record)) => suspect.next(&record, log.report.organization),
            (Some(_), _) => Ok(()),
            (None, Line::Record(record)) => {
                self.suspect = log.record(&record)?;
                Ok(())
            }
            (None, Line::Checkpoint(jws)) => log.checkpoint(&jws),
            (None, Line::End(end)) => log.end(&end),
            (None, Line::Header(_)) => Err(Finding::unreadable(number, "a second header")),
        }
    }

    /// The end of the file.
    pub fn finish(self) -> Checked<Report> {
        if let Some(suspect) = self.suspect {
            return Err(suspect.conclude());
        }
        let log = self.log.ok_or_else(|| Finding::unreadable(1, "the file is empty"))?;
        if let Some((last, _)) = log.held.last_key_value()
            && *last > log.here.seq
        {
            let text = format!("they are sealed by the checkpoint that you hold, which reaches to {last}");
            return Err(Finding::new(What::Missing, log.here.seq + 1, None, text));
        }
        if !log.ended {
            return Err(Finding::new(What::Missing, log.here.seq + 1, None, "the file has no last line: it was cut off"));
        }
        Ok(log.report)
    }
}

impl Log {
    fn begin(header: Header, given: Option<PublicKeys>, held: &[String]) -> Checked<Self> {
        let bad = |text: &str| Finding::unreadable(1, text);
        if header.format != FORMAT && header.format != OLD_FORMAT {
            return Err(bad("this is not an export that this program knows"));
        }
        let (org, anchor, old, keys_were_given) =
            (header.organization_id, header.anchor, header.format == OLD_FORMAT, given.is_some());
        let own = || PublicKeys::from_jwks(&json!({ "keys": header.keys })).map_err(|e| bad(&e.message));
        let mut keys = given.map_or_else(own, Ok)?;
        keys.follow(&header.rotations);
        let open = |jws: &str| -> Checked<Claims> {
            let claims = keys.open(jws).map_err(|why| Finding::checkpoint(None, why.to_string()))?;
            if claims.organization_id == org {
                Ok(claims)
            } else {
                Err(Finding::checkpoint(Some(&claims), "it is another organization's"))
            }
        };
        let anchor_is_signed = match &anchor.checkpoint {
            Some(jws) => anchored(&open(jws)?, &anchor)?,
            None if anchor.seq == 0 && anchor.hash != chain::genesis(org) => {
                return Err(bad("the log does not begin as this organization's must"));
            }
            None => anchor.seq == 0,
        };
        if !old && anchor.seq > 0 {
            retained(&keys, org, &anchor)?;
        }
        let mut held: BTreeMap<i64, Claims> =
            held.iter().map(|jws| open(jws).map(|claims| (claims.last_seq, claims))).collect::<Checked<_>>()?;
        let later = held.split_off(&(anchor.seq + 1));
        let outlived = outlived(std::mem::replace(&mut held, later), &anchor, old)?;
        let report = Report {
            organization: org,
            anchor: anchor.seq,
            anchor_is_signed,
            last: anchor.seq,
            records: 0,
            erased: 0,
            checkpoints: 0,
            sealed: anchor.seq,
            held: 0,
            outlived,
            written_at: None,
            keys_were_given,
        };
        let here = Place { seq: anchor.seq, id: None, hash: anchor.hash };
        let previous = anchor.checkpoint.as_deref().map(fingerprint);
        let (before, leaves) = (here.hash.clone(), Some(Vec::new()));
        Ok(Self { report, keys, before, here, leaves, previous, held, ended: false, old })
    }

    /// A record that is not what it should be is only suspected here: what follows it says how it came to be.
    fn record(&mut self, record: &Record) -> Checked<Option<Suspect>> {
        let expected = self.here.seq + 1;
        if self.ended {
            return Err(Finding::new(What::Added, record.seq, Some(record.id), "it stands behind the end of the file"));
        }
        if record.seq > expected {
            return Ok(Some(Suspect::gap(expected, record)));
        }
        if record.seq < expected {
            return Suspect::again(&self.here, record).map(Some);
        }
        if let Err(why) = consistent(record, self.report.organization, &self.here.hash, expected) {
            let added = self.here.id.filter(|_| suspect::follows(record, &self.before, expected - 1));
            if let Some(id) = added {
                return Err(Finding::new(What::Added, expected - 1, Some(id), "the record behind it was not made to follow it"));
            }
            return Ok(Some(Suspect::broken(&self.here.hash, record, why)));
        }
        if !self.old {
            self.erasure(record)?;
        }
        self.accept(record)?;
        Ok(None)
    }

    /// Whoever takes a content out of the file can put its digest there; only the server can say that it was erased.
    fn erasure(&self, record: &Record) -> Checked {
        let Some(digest) = &record.erased else { return Ok(()) };
        let signed = record.erasure.as_ref().and_then(|jws| self.keys.open_statement::<Erased>(jws).ok());
        let fits = |erased: &Erased| {
            (erased.organization_id, erased.id, &erased.digest) == (self.report.organization, record.id, digest)
        };
        if signed.as_ref().is_some_and(fits) {
            return Ok(());
        }
        let text = "its content is gone, and nothing that is signed says that it was erased";
        Err(Finding::new(What::Altered, record.seq, Some(record.id), text))
    }

    fn accept(&mut self, record: &Record) -> Checked {
        if let Some(claims) = self.held.get(&record.seq) {
            if claims.hash != record.hash {
                return Err(Finding::checkpoint(Some(claims), "you hold it, and the file tells another history up to there"));
            }
            self.report.held += 1;
        }
        let here = Place { seq: record.seq, id: Some(record.id), hash: record.hash.clone() };
        self.before = std::mem::replace(&mut self.here, here).hash;
        self.report.last = record.seq;
        self.report.records += 1;
        self.report.erased += u64::from(record.erased.is_some());
        self.leaves = self.leaves.take().filter(|leaves| leaves.len() < MAX_SEGMENT);
        if let Some(leaves) = &mut self.leaves {
            leaves.push(record.leaf.clone());
        }
        Ok(())
    }

    fn checkpoint(&mut self, jws: &str) -> Checked {
        let claims =
            self.keys.open(jws).map_err(|why| Finding::checkpoint(None, format!("after record {}: {why}", self.here.seq)))?;
        let refuse = |text: &str| Err(Finding::checkpoint(Some(&claims), text));
        if claims.organization_id != self.report.organization {
            return refuse("it is another organization's");
        }
        if claims.last_seq > self.here.seq {
            let text = format!("they are sealed by the checkpoint of {} to {}", claims.first_seq, claims.last_seq);
            return Err(Finding::new(What::Missing, self.here.seq + 1, None, text));
        }
        if claims.previous != self.previous || claims.first_seq != self.report.sealed + 1 {
            return refuse("it does not follow the checkpoint before it: one is missing or out of place");
        }
        if claims.last_seq < self.here.seq {
            return refuse("it stands behind records that it does not cover");
        }
        let leaves: Option<Vec<String>> = self.leaves.take().and_then(|leaves| leaves.into_iter().collect());
        let root = leaves.map(|leaves| super::merkle::root(&leaves));
        if root.as_deref() != Some(&claims.root) || claims.hash != self.here.hash {
            let text = format!("a record of {} to {} is not what was sealed", claims.first_seq, claims.last_seq);
            return Err(Finding::new(What::Altered, claims.first_seq, None, text));
        }
        self.previous = Some(fingerprint(jws));
        self.leaves = Some(Vec::new());
        self.report.sealed = claims.last_seq;
        self.report.checkpoints += 1;
        Ok(())
    }

    fn end(&mut self, end: &End) -> Checked {
        if self.ended || end.seq != self.here.seq || end.hash != self.here.hash {
            let text = format!("the file was written up to record {}", end.seq);
            return Err(Finding::new(What::Missing, self.here.seq + 1, None, text));
        }
        if !self.old {
            self.report.written_at = Some(self.ended(end)?);
        }
        self.ended = true;
        Ok(())
    }

    /// Whoever cuts the end off can write another last line; only the server can sign it.
    fn ended(&self, end: &End) -> Checked<String> {
        let refuse = |text: String| Finding::new(What::Missing, self.here.seq + 1, None, text);
        let jws = end.signed.as_ref().ok_or_else(|| refuse("nothing that is signed says that the log ended here".to_owned()))?;
        let said: Ended =
            self.keys.open_statement(jws).map_err(|why| refuse(format!("where the log ended is not believed: {why}")))?;
        if said.seq != end.seq || said.hash != end.hash {
            return Err(refuse(format!("when the file was written, the log ended at record {}", said.seq)));
        }
        if (said.organization_id, said.anchor) != (self.report.organization, self.report.anchor) {
            let text = format!("when the file was written, the log began after record {}", said.anchor);
            return Err(Finding::new(What::Missing, said.anchor + 1, None, text));
        }
        if said.sealed != self.report.sealed || said.checkpoint != self.previous {
            let text = format!("when the file was written, it was sealed up to record {}", said.sealed);
            return Err(Finding::checkpoint(None, text));
        }
        Ok(said.created_at)
    }
}

/// The number that a line from outside brings along; those of checkpoints are compared only.
fn number_in(line: &Line) -> i64 {
    match line {
        Line::Header(header) => header.anchor.seq,
        Line::Record(record) => record.seq,
        Line::End(end) => end.seq,
        Line::Checkpoint(_) => 0,
    }
}

/// Whoever cuts the beginning off can say that the log begins later; only the server can say that retention removed what was before.
fn retained(keys: &PublicKeys, org: OrgId, anchor: &Anchor) -> Checked {
    let refuse = |text: String| Finding::new(What::Missing, 1, None, text);
    let none = || refuse("nothing that is signed says that retention removed what is not there".to_owned());
    let said: Retained = keys
        .open_statement(anchor.retained.as_ref().ok_or_else(none)?)
        .map_err(|why| refuse(format!("what retention removed is not believed: {why}")))?;
    if (said.organization_id, said.seq, &said.hash) == (org, anchor.seq, &anchor.hash) {
        Ok(())
    } else {
        Err(Finding::new(What::Missing, said.seq + 1, None, format!("retention removed what was up to record {}", said.seq)))
    }
}

/// How many of the reader's own checkpoints are about what is not in the file because retention removed it.
fn outlived(held: BTreeMap<i64, Claims>, anchor: &Anchor, old: bool) -> Checked<u64> {
    for claims in held.values() {
        if claims.last_seq == anchor.seq && claims.hash != anchor.hash {
            return Err(Finding::checkpoint(Some(claims), "you hold it, and the file tells another history up to there"));
        }
        if old && claims.last_seq <= anchor.seq {
            let text = "the checkpoint that you hold covers it, and nothing that is signed says that retention removed it";
            return Err(Finding::new(What::Missing, claims.first_seq, None, text));
        }
    }
    Ok(held.len() as u64)
}

fn anchored(claims: &Claims, anchor: &Anchor) -> Checked<bool> {
    if claims.last_seq == anchor.seq && claims.hash == anchor.hash {
        Ok(true)
    } else {
        Err(Finding::checkpoint(Some(claims), "it does not prove where the file begins"))
    }
}
