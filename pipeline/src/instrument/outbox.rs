//! Commands on their way to the gateway, and which lists of open orders are under way.

use std::collections::VecDeque;
use std::time::Duration;

use crate::command::Command;
use crate::evidence::Asked;
use crate::time::Nanos;

/// A list that has not come after this is asked for again.
const LIST_PATIENCE: Duration = Duration::from_secs(5);

#[derive(Debug, Default)]
pub(super) struct Outbox {
    commands: VecDeque<Command>,
    lists: Asked,
}

impl Outbox {
    /// A list that is under way serves whoever else wants one: it is not asked for twice.
    pub(super) fn push(&mut self, command: Command, now: Nanos) {
        let under_way = self.lists.latest().is_some_and(|at| now.since(at) < LIST_PATIENCE);
        if command != Command::ListOpen || !under_way {
            self.push_always(command, now);
        }
    }

    /// A sweep has lists of its own: an earlier one says nothing of what is open now.
    pub(super) fn push_always(&mut self, command: Command, now: Nanos) {
        if command == Command::ListOpen {
            self.lists.ask(now);
        }
        self.commands.push_back(command);
    }

    pub(super) fn pop(&mut self) -> Option<Command> {
        self.commands.pop_front()
    }

    /// A list came, or the word that none will: when it was asked for.
    pub(super) fn listed(&mut self) -> Option<Nanos> {
        self.lists.answered()
    }
}
