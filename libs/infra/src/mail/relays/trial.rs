//! How far a conversation has come.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use domain::tenancy::smtp::{Failure, Step, Trial};

/// The steps of a conversation, for whoever watches it.
#[derive(Default)]
pub(super) struct Course(Mutex<Steps>);

#[derive(Default)]
struct Steps {
    passed: Vec<(Step, Duration)>,
    now: Option<(Step, Instant)>,
}

impl Steps {
    fn pass(&mut self) {
        if let Some((step, since)) = self.now.take() {
            self.passed.push((step, since.elapsed()));
        }
    }
}

impl Course {
    /// The step before went well; this one begins.
    pub(super) fn begin(&self, step: Step) {
        let mut steps = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if steps.now.is_some_and(|(now, _)| now == step) {
            return;
        }
        steps.pass();
        steps.now = Some((step, Instant::now()));
    }

    /// Where it is.
    pub(super) fn step(&self) -> Step {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).now.map_or(Step::Resolve, |(step, _)| step)
    }

    /// How it went.
    pub(super) fn end(self, failure: Option<Failure>) -> Trial {
        let mut steps = self.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        if failure.is_none() {
            steps.pass();
        }
        steps.passed.retain(|(step, _)| failure.is_none_or(|failure| failure.step != *step));
        Trial { passed: steps.passed, failure }
    }
}
