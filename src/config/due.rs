//! By when officers acknowledge and answer.

use std::time::Duration;

use serde::Deserialize;

use super::{ConfigError, bounds::at_most};
use crate::record::{due::Terms, kind_names};

/// Most kinds in a list.
const MAX_KINDS: usize = 16;

/// By when officers acknowledge and answer, where a record says nothing itself.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DueConfig {
    /// Hours for EMERGENCY; 0: nothing is due. So for the others.
    pub emergency_h: u64,
    /// Hours for URGENT_DIRECT.
    pub urgent_direct_h: u64,
    /// Hours for URGENT.
    pub urgent_h: u64,
    /// Hours for ROUTINE, for kinds among `routine_kinds`.
    pub routine_h: u64,
    /// Kinds that ask something of an officer even when they are routine.
    pub routine_kinds: Vec<String>,
    /// Little time is left when less than this share of the term is, in percent.
    pub soon_percent: u64,
    /// What is late is escalated again after this share of its term, in percent; 0: never.
    pub escalate_again_percent: u64,
}

impl DueConfig {
    /// How long readers have, by urgency.
    pub fn terms(&self) -> Terms {
        let hours = |hours: u64| Duration::from_secs(hours.saturating_mul(3600));
        Terms {
            routine: hours(self.routine_h),
            urgent: hours(self.urgent_h),
            urgent_direct: hours(self.urgent_direct_h),
            emergency: hours(self.emergency_h),
            routine_kinds: self.routine_kinds.clone(),
            again_percent: u32::try_from(self.escalate_again_percent).unwrap_or(u32::MAX),
        }
    }

    /// [`Self::soon_percent`], as standings take it.
    pub fn soon(&self) -> u32 {
        u32::try_from(self.soon_percent).unwrap_or(u32::MAX)
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        at_most("due.routine_kinds", self.routine_kinds.len(), MAX_KINDS)?;
        let known = kind_names();
        for (index, kind) in self.routine_kinds.iter().enumerate() {
            if !known.contains(kind) {
                return Err(ConfigError::Kind {
                    index,
                    kind: kind.chars().take(64).collect(),
                    known: known.join(", "),
                });
            }
        }
        Ok(())
    }
}

impl Default for DueConfig {
    fn default() -> Self {
        Self {
            emergency_h: 8,
            urgent_direct_h: 8,
            urgent_h: 72,
            routine_h: 168,
            routine_kinds: ["Message", "Tip", "VictimReferral"]
                .map(str::to_owned)
                .to_vec(),
            soon_percent: 25,
            escalate_again_percent: 50,
        }
    }
}
