//! A test of a mail server, step by step.

use std::time::Duration;

use super::{Failure, Step};

/// How a test went.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trial {
    /// The steps that went well, in their order, and how long each took.
    pub passed: Vec<(Step, Duration)>,
    /// Where it ended, if it did not go well.
    pub failure: Option<Failure>,
}

/// How a step went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Well, in so long.
    Passed(Duration),
    /// Here it ended.
    Failed(Failure),
    /// The settings do not ask for it.
    Skipped,
    /// It did not come to that.
    NotReached,
}

impl Trial {
    /// Every step, in their order.
    pub fn outcomes(&self) -> impl Iterator<Item = (Step, Outcome)> + '_ {
        Step::ALL.into_iter().map(|step| (step, self.outcome(step)))
    }

    fn outcome(&self, step: Step) -> Outcome {
        let passed = self.passed.iter().find(|(known, _)| *known == step);
        match (passed, self.failure) {
            (_, Some(failure)) if failure.step == step => Outcome::Failed(failure),
            (Some((_, took)), _) => Outcome::Passed(*took),
            // With `tls` the greeting comes after it.
            (None, Some(failure)) if failure.step < step || step == Step::Greeting => Outcome::NotReached,
            (None, _) => Outcome::Skipped,
        }
    }
}
