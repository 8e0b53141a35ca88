//! What is asked and answered, as little of it as has to be handed over.

pub(crate) use tidegate_actors::{Fault, Reply};

use crate::stages::Stages;

/// What was asked.
#[derive(Debug, Default)]
pub(crate) struct Body {
    stages: Stages,
}

impl Body {
    pub(crate) fn stages_mut(&mut self) -> &mut Stages {
        &mut self.stages
    }
}

/// It with its replies.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) body: Body,
    pub(crate) replies: Result<Vec<Reply>, Fault>,
}
