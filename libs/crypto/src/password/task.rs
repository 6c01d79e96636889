//! One piece of work for a hashing thread: the argon2 part, without threads and queues.

use argon2::{
    Algorithm, Argon2, Block, Params, Version,
    password_hash::phc::{Output, ParamsString, PasswordHash, Salt},
};
use domain::{Error, Result};
use subtle::ConstantTimeEq;
use tokio::sync::oneshot::Sender;
use zeroize::Zeroizing;

use super::Verdict;
use crate::random;

/// Imported hashes may cost more than ours, but not so much that one sign-in blocks a thread for seconds.
const MOST_MEMORY_KIB: u32 = 64 * 1024;
const MOST_PASSES: u32 = 10;

const SALT_BYTES: usize = 16;

/// A task carries the way back to its caller.
pub(super) enum Task {
    Hash { password: Zeroizing<Vec<u8>>, reply: Sender<Result<String>> },
    Verify { password: Zeroizing<Vec<u8>>, stored: Option<String>, reply: Sender<Result<Verdict>> },
}

impl Task {
    /// Whether the caller has gone (connection closed, timeout): then the work is for nobody.
    pub(super) fn abandoned(&self) -> bool {
        match self {
            Self::Hash { reply, .. } => reply.is_closed(),
            Self::Verify { reply, .. } => reply.is_closed(),
        }
    }

    /// Answers that it will not be done.
    pub(super) fn refuse(self, why: Error) {
        match self {
            Self::Hash { reply, .. } => drop(reply.send(Err(why))),
            Self::Verify { reply, .. } => drop(reply.send(Err(why))),
        }
    }

    /// Does the work, new hashes with the `current` parameters, and answers. A caller who leaves meanwhile does not get the answer, which is fine.
    pub(super) fn run(self, current: &Params, memory: &mut Vec<Block>) {
        match self {
            Self::Hash { password, reply } => drop(reply.send(hash(&password, current, memory))),
            Self::Verify { password, stored, reply } => {
                drop(reply.send(verify(&password, stored.as_deref(), current, memory)));
            }
        }
    }
}

fn hash(password: &[u8], current: &Params, memory: &mut Vec<Block>) -> Result<String> {
    let salt: [u8; SALT_BYTES] = random::bytes();
    let mut output = Zeroizing::new([0; 32]);
    let computed = compute(Algorithm::Argon2id, Version::V0x13, current, password, &salt, &mut *output, memory);
    keep_little(current, memory);
    computed?;
    phc(current, &salt, &*output).map(|hash| hash.to_string())
}

fn verify(password: &[u8], stored: Option<&str>, current: &Params, memory: &mut Vec<Block>) -> Result<Verdict> {
    let exists = stored.is_some();
    let stored = match stored {
        Some(text) => PasswordHash::new(text).map_err(unusable)?,
        None => decoy(current)?,
    };
    let algorithm = Algorithm::try_from(stored.algorithm.as_str()).map_err(unusable)?;
    let version = stored.version.map_or(Ok(Version::V0x10), Version::try_from).map_err(unusable)?;
    let params = Params::try_from(&stored).map_err(unusable)?;
    let (Some(salt), Some(expected)) = (&stored.salt, &stored.hash) else { return Err(unusable("salt or hash is missing")) };
    if params.m_cost() > MOST_MEMORY_KIB || params.t_cost() > MOST_PASSES {
        return Err(unusable("parameters beyond our limits"));
    }
    let mut output = Zeroizing::new(vec![0; expected.len()]);
    let computed = compute(algorithm, version, &params, password, salt, &mut output, memory);
    keep_little(current, memory);
    computed?;
    let same = bool::from(output.as_slice().ct_eq(expected.as_bytes()));
    let is_current = algorithm == Algorithm::Argon2id
        && version == Version::V0x13
        && (params.m_cost(), params.t_cost(), params.p_cost()) == (current.m_cost(), current.t_cost(), current.p_cost())
        && expected.len() == 32
        && salt.len() >= SALT_BYTES;
    Ok(match (exists && same, is_current) {
        (false, _) => Verdict::Wrong,
        (true, true) => Verdict::Right,
        (true, false) => Verdict::RightButRehash,
    })
}

/// Fills `output` using, and if need be growing, the thread's kept `memory`.
fn compute(
    algorithm: Algorithm,
    version: Version,
    params: &Params,
    password: &[u8],
    salt: &[u8],
    output: &mut [u8],
    memory: &mut Vec<Block>,
) -> Result<()> {
    let blocks = params.block_count();
    if memory.len() < blocks {
        memory.resize(blocks, Block::default());
    }
    let argon2 = Argon2::new(algorithm, version, params.clone());
    argon2.hash_password_into_with_memory(password, salt, output, memory.as_mut_slice()).map_err(unusable)
}

/// What one expensive imported hash needed is not kept for the rest of the process's life.
fn keep_little(current: &Params, memory: &mut Vec<Block>) {
    if memory.len() > current.block_count() {
        *memory = Vec::new();
    }
}

/// The hash that a password is compared with when there is no account: same parameters, and an output nobody can hit.
fn decoy(current: &Params) -> Result<PasswordHash> {
    phc(current, &[0; SALT_BYTES], &[0; 32])
}

fn phc(params: &Params, salt: &[u8], output: &[u8]) -> Result<PasswordHash> {
    Ok(PasswordHash {
        algorithm: Algorithm::Argon2id.ident(),
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(params).map_err(unusable)?,
        salt: Some(Salt::new(salt).map_err(unusable)?),
        hash: Some(Output::new(output).map_err(unusable)?),
    })
}

fn unusable(error: impl std::fmt::Display) -> Error {
    Error::internal(format!("a password hash is not usable: {error}"))
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    #[test]
    fn the_decoy_costs_what_a_real_hash_costs() {
        let current = crate::HashCost::OWASP.params();
        let real = hash(b"x", &current, &mut Vec::new()).unwrap();
        let decoy = decoy(&current).unwrap().to_string();
        let head = |text: &str| text.rsplitn(3, '$').last().map(str::to_owned);
        assert_eq!(head(&real), head(&decoy));
        assert_eq!(real.len(), decoy.len());
        assert!(real.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{real}");
    }

    #[test]
    fn a_task_knows_when_its_caller_has_gone() {
        let (reply, answer) = oneshot::channel();
        let task = Task::Hash { password: Zeroizing::new(b"x".to_vec()), reply };
        assert!(!task.abandoned());
        drop(answer);
        assert!(task.abandoned());
    }
}
