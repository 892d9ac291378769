//! Halts: what is not to trade, why, and since when; in the journal, in the state file and at the admin address.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Version of the state file's form.
pub const HALTS_FORMAT: u32 = 1;

/// A halt, or its release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Halt {
    /// The symbol on the venue; none = all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub symbol: Option<String>,
    /// Why, in the operator's words or by the name of the finding.
    pub reason: String,
    /// Who asked for it.
    #[serde(default)]
    pub by: HaltedBy,
    /// When, milliseconds since the epoch.
    pub at_ms: i64,
}

/// Who asked for a halt.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum HaltedBy {
    /// An operator, at the admin address.
    #[default]
    Operator,
    /// SIGUSR1.
    Signal,
    /// The file that Halt File names; it lasts as long as the file.
    File,
    /// The instrument's own finding.
    Alarm,
    /// The state file cannot be read: what was halted is not known.
    State,
}

impl HaltedBy {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Operator, Self::Signal, Self::File, Self::Alarm, Self::State];

    /// The name in metrics and at the admin address.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Signal => "signal",
            Self::File => "file",
            Self::Alarm => "alarm",
            Self::State => "state",
        }
    }
}

/// The state file: what is halted until released.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HaltState {
    /// [`HALTS_FORMAT`] of whoever wrote it.
    pub format: u32,
    /// What is halted.
    pub halts: Vec<Halt>,
}
