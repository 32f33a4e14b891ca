//! `comity evidence …`: ask another country for evidence, and answer what it asks.

mod act;
mod calendar;
mod check;
mod clocks;
mod custody;
mod download;
mod export;
mod ics;
mod items;
mod list;
mod profiles;
mod remove;
mod request;
mod show;
mod step;
mod upload;
mod words;

pub(super) use words::until;

use clap::{Args, Subcommand};

use super::{Target, exit::Failure, out::Out, template::Template};

/// Ask another country for evidence, and answer what others ask for.
#[derive(Debug, Subcommand)]
pub(super) enum Evidence {
    /// Write a filled request to start from.
    Template(Example),
    /// Say what a request lacks before it is submitted, by name.
    Check(check::Check),
    /// Submit a request and wait until it is durable.
    Request(request::Request),
    /// List requests, own and received, newest first.
    List(list::List),
    /// Show a request: where it stands, its steps, and what may be done next.
    Show(show::Show),
    /// Upload a file to a request.
    Upload(upload::Upload),
    /// List the files of a request.
    Items(items::Items),
    /// Take back a file that was uploaded and not handed over.
    Remove(remove::Remove),
    Custody(custody::Custody),
    Export(export::Export),
    /// Download a file of a request.
    Download(download::Download),
    /// See agreement profiles, by which the clocks of requests count.
    #[command(subcommand)]
    Profiles(profiles::Profiles),
    /// Show the working days of a country.
    Calendar(calendar::ShowCalendar),
    /// Write the ends of open clocks as an iCalendar file.
    CalendarExport(ics::CalendarExport),
    #[command(flatten)]
    Step(step::Step),
}

/// Write a filled request, ready to submit as an exercise.
#[derive(Debug, Args)]
pub(super) struct Example {
    #[command(flatten)]
    target: Target,
    /// Information without a request instead, for `comity submit`.
    #[arg(long)]
    spontaneous: bool,
    /// Make up authorities and destinations, whatever home or profile the environment names.
    #[arg(long, conflicts_with_all = ["home", "profile"])]
    offline: bool,
}

impl Evidence {
    pub(super) async fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        match self {
            Self::Template(of) => {
                let kind = match of.spontaneous {
                    true => "SpontaneousInformation",
                    false => "EvidenceRequest",
                };
                let template = Template::of(kind, of.target, of.offline);
                template.carry_out(out).await
            }
            Self::Check(check) => check.carry_out(out).await,
            Self::Request(request) => request.carry_out(out).await,
            Self::List(list) => list.carry_out(out).await,
            Self::Show(show) => show.carry_out(out).await,
            Self::Profiles(profiles) => profiles.carry_out(out),
            Self::Calendar(calendar) => calendar.carry_out(out),
            Self::CalendarExport(export) => export.carry_out(out).await,
            Self::Step(step) => step.carry_out(out).await,
            Self::Upload(upload) => upload.carry_out(out).await,
            Self::Items(items) => items.carry_out(out).await,
            Self::Remove(remove) => remove.carry_out(out).await,
            Self::Custody(custody) => custody.carry_out(out).await,
            Self::Export(export) => export.carry_out(out).await,
            Self::Download(download) => download.carry_out(out).await,
        }
    }
}
