//! `comity evidence profiles list|show|check` and `comity evidence calendar`: by what clocks count. They
//! read files and need no node.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::json;

use crate::{
    config::evidence,
    evidence::terms::{
        Held, Limit, Origin, Profile, Rule, TermsSet, goal_name, ground_name, limit_words,
        parse_calendar, parse_profile, start_name, urgency_name,
    },
    home::Home,
    wire::record::AgreementProfile,
};

use super::super::{
    exit::{CONFIG, DATAERR, Failure, NOINPUT, SOFTWARE},
    out::Out,
};

/// See agreement profiles, by which the clocks of requests count.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Profiles {
    /// List those built in and those of a home.
    List(List),
    /// Show the clocks of one.
    Show(Show),
    /// Check a file before it goes into `profiles/` or `calendars/` of a home.
    Check(Check),
}

#[derive(Clone, Debug, Args)]
pub(super) struct OfHome {
    /// Home whose `profiles/` and `calendars/` count too; without one those built in alone.
    #[arg(long, env = "COMITY_HOME")]
    home: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct List {
    #[command(flatten)]
    of: OfHome,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Show {
    #[command(flatten)]
    of: OfHome,
    /// Its id, such as eio-2014-41.
    id: String,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Check {
    /// A profile, or with --calendar a calendar.
    file: PathBuf,
    /// It is a calendar.
    #[arg(long)]
    calendar: bool,
}

impl OfHome {
    pub(super) fn load(&self) -> Result<TermsSet, Failure> {
        let Some(home) = &self.home else {
            return TermsSet::built_in().map_err(|error| Failure::new(SOFTWARE, error.to_string()));
        };
        let home = Home::open(home)?;
        let layout = home.layout();
        let (set, _) = evidence::load(&layout.profiles(), &layout.calendars())
            .map_err(|error| Failure::new(CONFIG, error.to_string()))?;
        Ok(set)
    }
}

/// Where a profile or calendar comes from, in words.
pub(super) fn origin(origin: &Origin) -> String {
    match origin {
        Origin::BuiltIn => "built in".to_owned(),
        Origin::File {
            file,
            replaces: false,
        } => file.clone(),
        Origin::File {
            file,
            replaces: true,
        } => format!("{file}, in place of the one built in"),
    }
}

impl Profiles {
    pub(super) fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        match self {
            Self::List(list) => list.carry_out(out),
            Self::Show(show) => show.carry_out(out),
            Self::Check(check) => check.carry_out(out),
        }
    }
}

impl List {
    fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        let set = self.of.load()?;
        if out.json() {
            for held in set.profiles() {
                out.value(&profile_json(held)?)?;
            }
            return Ok(());
        }
        let rows = set.profiles().map(|held| {
            let clocks: Vec<&str> = held
                .is
                .clocks
                .iter()
                .map(|clock| clock.id.as_str())
                .collect();
            vec![
                held.is.id.clone(),
                clocks.join(", "),
                origin(&held.origin),
                held.is.title.clone(),
            ]
        });
        let rows = rows.collect();
        out.table(&["ID", "CLOCKS", "FROM", "TITLE"], rows)
    }
}

fn checked(wire: &AgreementProfile) -> Result<Profile, Failure> {
    Profile::try_from(wire).map_err(|fault| Failure::new(DATAERR, fault.to_string()))
}

fn profile_json(held: &Held<AgreementProfile>) -> Result<serde_json::Value, Failure> {
    let profile = checked(&held.is)?;
    let clocks = profile.clocks.iter().map(|clock| {
        json!({
            "id": clock.id,
            "goal": goal_name(clock.goal),
            "starts": start_name(clock.starts),
            "urgencies": clock.urgencies.iter().map(|of| urgency_name(*of)).collect::<Vec<_>>(),
            "limit": limit_words(clock.limit),
            "pauses": clock.pauses,
            "extension_days": clock.extension_days,
            "warn_hours": clock.warn_hours,
            "escalate_hours": clock.escalate_hours,
            "source": clock.source,
        })
    });
    Ok(json!({
        "id": profile.id,
        "title": profile.title,
        "source": profile.source,
        "from": origin(&held.origin),
        "clocks": clocks.collect::<Vec<_>>(),
        "refusal_grounds": profile.refusal_grounds.iter().map(|of| ground_name(*of)).collect::<Vec<_>>(),
    }))
}

impl Show {
    fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        let set = self.of.load()?;
        let Some(held) = set.profile(&self.id) else {
            let known: Vec<&str> = set.profiles().map(|held| held.is.id.as_str()).collect();
            let what = format!("there is no such profile; there are {}", known.join(", "));
            return Err(Failure::new(NOINPUT, what));
        };
        if out.json() {
            return out.value(&profile_json(held)?);
        }
        let profile = checked(&held.is)?;
        out.line(&format!("{}  {}", profile.id, profile.title))?;
        out.line(&format!("from: {}", origin(&held.origin)))?;
        out.line(&format!("source: {}", profile.source))?;
        let grounds: Vec<&str> = profile
            .refusal_grounds
            .iter()
            .map(|of| ground_name(*of))
            .collect();
        out.line(&match grounds.as_slice() {
            [] => "refused on any ground".to_owned(),
            some => format!("refused on: {}", some.join(", ")),
        })?;
        let headings = [
            "CLOCK",
            "UNTIL",
            "FROM",
            "URGENCY",
            "LIMIT",
            "PAUSES",
            "EXTENSION",
            "WARNED",
            "SOURCE",
        ];
        out.table(&headings, profile.clocks.iter().map(row).collect())
    }
}

fn row(clock: &Rule) -> Vec<String> {
    let urgencies: Vec<&str> = clock.urgencies.iter().map(|of| urgency_name(*of)).collect();
    let some = |count: u32, words: String| match count {
        0 => "no".to_owned(),
        _ => words,
    };
    vec![
        clock.id.clone(),
        goal_name(clock.goal).to_owned(),
        start_name(clock.starts).to_owned(),
        match urgencies.as_slice() {
            [] => "all".to_owned(),
            some => some.join(", "),
        },
        limit_words(clock.limit),
        if clock.pauses { "yes" } else { "no" }.to_owned(),
        some(
            clock.extension_days,
            limit_words(Limit::CalendarDays(clock.extension_days)),
        ),
        some(clock.warn_hours, format!("{} h before", clock.warn_hours)),
        clock.source.clone(),
    ]
}

impl Check {
    fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        let text =
            evidence::read(&self.file).map_err(|error| Failure::new(NOINPUT, error.to_string()))?;
        let name = self.file.display().to_string();
        let unsound =
            |error: crate::evidence::terms::TermsError| Failure::new(DATAERR, error.to_string());
        let found = if self.calendar {
            let read = parse_calendar(&name, &text).map_err(unsound)?;
            format!("calendar of {}", read.calendar.country)
        } else {
            let read = parse_profile(&name, &text).map_err(unsound)?;
            let built_in =
                TermsSet::built_in().map_err(|error| Failure::new(SOFTWARE, error.to_string()))?;
            match built_in.profile(&read.id) {
                Some(_) => format!("profile `{}`, in place of the one built in", read.id),
                None => format!("profile `{}`", read.id),
            }
        };
        if out.json() {
            return out.value(&json!({ "sound": true, "found": found }));
        }
        out.line(&format!("{found}: sound"))
    }
}
