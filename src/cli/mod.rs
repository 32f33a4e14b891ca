//! The command line: one file per command; wires the rooms.
//!
//! Answers go to standard output, messages to standard error; exit codes are those of sysexits(3).

mod access;
mod acknowledge;
mod agreements;
mod amend;
mod approvals;
mod armour;
mod audit;
mod card;
mod case;
mod certificates;
mod connect;
mod consent;
mod delegate;
mod demo;
mod diff;
mod evidence;
mod exit;
mod export;
mod feed;
mod history;
mod hold;
mod incarnate;
mod init;
mod input;
mod keys;
mod kinds;
mod leaf;
mod node_home;
mod onward;
mod out;
mod principals;
mod recall;
mod receipts;
mod records;
mod reply;
mod root;
mod run;
mod search;
mod sharing;
mod status;
mod store;
mod subject;
mod submit;
mod template;
mod trend;
mod vectors;
mod verify;
mod why;

use std::{path::PathBuf, process::ExitCode};

use clap::{Args, Parser, Subcommand, ValueEnum};

use self::{exit::Failure, out::Out};
use crate::access::PrincipalKind as Kind;

/// What `comity --help` says of exit codes.
const EXIT_CODES: &str = "Exit codes, after sysexits(3): 0 done; 64 the command line is wrong; 65 the input is \
wrong; 66 an input file cannot be read; 69 the node is not there or cannot serve now; 70 the program failed; \
73 an output file cannot be created; 74 reading or writing failed; 75 try again later; 77 not allowed, to this \
caller or in this state; 78 the configuration or the home is wrong.";

/// Exchange signed, sealed records between countries.
#[derive(Debug, Parser)]
#[command(name = "comity", version, about, max_term_width = 100, after_help = EXIT_CODES)]
struct Cli {
    /// How answers are written.
    #[arg(long, global = true, value_enum, default_value_t = Format::Table)]
    output: Format,
    #[command(subcommand)]
    command: Command,
}

/// How answers are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people.
    Table,
    /// For programs: one object, or one per line in lists.
    Json,
}

/// Whose node to talk to. A flag wins over what the environment says, whichever it names.
#[derive(Clone, Debug, Args)]
struct Target {
    /// Home of the node; a certificate in it is used, the local officer's for what is about records
    /// and the operator's for what runs the node [env: COMITY_HOME].
    #[arg(long, conflicts_with = "profile")]
    home: Option<PathBuf>,
    /// Another principal whose key lies in the home, such as officer/n.karimova; `officer/` may be
    /// left out.
    #[arg(long = "as", value_name = "NAME", conflicts_with = "profile")]
    as_whom: Option<String>,
    /// Client profile: address, certificate and key of an officer or a case system
    /// [env: COMITY_PROFILE].
    #[arg(long)]
    profile: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Set up a country: root, keys, certificates, configuration, card.
    Init(init::Init),
    /// Use the country root, which is kept offline.
    #[command(subcommand)]
    Root(root::Root),
    /// Exchange country cards.
    #[command(subcommand)]
    Card(card::Card),
    /// The node's keys: see them, protect them, put new ones in place of old ones.
    #[command(subcommand)]
    Keys(keys::Keys),
    /// Run the node.
    Run(run::Run),
    /// Search records: words in any script, kind, country, days, codes, identifiers.
    Search(search::Search),
    /// Show the records that share an identifier or a name with one, and the evidence.
    Related(search::Related),
    /// Explain the kinds of record, their fields and codes.
    Kinds(kinds::Kinds),
    /// Write an example of a kind, ready to submit as an exercise.
    Template(template::Template),
    /// Submit records.
    Submit(submit::Submit),
    /// List, show and watch records.
    #[command(subcommand)]
    Records(records::Records),
    /// List and check the agreements with other countries.
    #[command(subcommand)]
    Agreements(agreements::Agreements),
    /// Replace a record by a new version.
    Amend(amend::Amend),
    /// Reply to a record, in its thread.
    Reply(reply::Reply),
    /// Take charge of another country's record.
    Acknowledge(acknowledge::Acknowledge),
    /// Put an officer in charge of another country's record.
    Assign(acknowledge::Assign),
    /// Take own records back, and see who complied.
    Recall(recall::Recall),
    /// Keep records from being shredded, on a legal ground.
    #[command(subcommand)]
    Hold(hold::Hold),
    /// Shred locked records before their delay is over, with a second operator.
    Shred(recall::Shred),
    /// Show who may do what.
    #[command(subcommand)]
    Access(access::Access),
    /// See and approve what needs two persons.
    #[command(subcommand)]
    Approvals(approvals::Approvals),
    /// Certificates of officers: they work with records.
    #[command(subcommand)]
    Officer(principals::Principals),
    /// Certificates of case systems.
    #[command(subcommand)]
    System(principals::Principals),
    /// Certificates of auditors: they see the ledger, never contents.
    #[command(subcommand)]
    Auditor(principals::Principals),
    /// Certificates of operators: they run the node.
    #[command(subcommand)]
    Operator(principals::Principals),
    /// Ask the origin of a record for a use that its markings forbid; grant or refuse.
    #[command(subcommand)]
    Consent(consent::Consent),
    Export(export::Export),
    Verify(verify::Verify),
    /// Ask another country for evidence, and answer what others ask for.
    #[command(subcommand)]
    Evidence(evidence::Evidence),
    /// Work with other countries on one case: members, records, meetings, one timeline.
    #[command(subcommand)]
    Case(case::Case),
    /// Pass another country's record on to a third, with its origin's signature.
    Onward(onward::Onward),
    /// Show the receipts of a record, verified.
    Receipts(receipts::Receipts),
    /// List, verify, prove and export the ledger; who did what.
    #[command(subcommand)]
    Audit(audit::Audit),
    /// Answer a data subject's request: find every record that speaks of one person.
    #[command(subcommand)]
    Subject(subject::Subject),
    /// Import statistics and show them as protected tables.
    #[command(subcommand)]
    Trend(trend::Trend),
    /// Feed what case systems export: files become records, each item once.
    #[command(subcommand)]
    Feed(feed::Feed),
    /// Show how the node and its links are.
    Status(status::Status),
    /// Check or rebuild the store of a node that is not running.
    #[command(subcommand)]
    Store(store::Store),
    Demo(demo::Demo),
    /// Write or check test vectors for other implementations.
    Vectors(vectors::Vectors),
}

/// Parses the command line and carries it out.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let help = !error.use_stderr();
            if !help && wants_json(std::env::args_os()) {
                let failure = Failure::from(error);
                Out::new(Format::Json).failure(&failure);
                return failure.code().into();
            }
            // Nothing can be said any more when standard output or error is closed.
            let _ = error.print();
            return if help {
                ExitCode::SUCCESS
            } else {
                exit::USAGE.into()
            };
        }
    };
    let mut out = Out::new(cli.output);
    match dispatch(cli.command, &mut out) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            out.failure(&failure);
            failure.code().into()
        }
    }
}

/// Whether a command line that cannot be parsed asks for JSON all the same.
fn wants_json(arguments: impl Iterator<Item = std::ffi::OsString>) -> bool {
    let mut named = false;
    for argument in arguments.skip(1).take_while(|argument| argument != "--") {
        if argument == "--output=json" || (named && argument == "json") {
            return true;
        }
        named = argument == "--output";
    }
    false
}

fn dispatch(command: Command, out: &mut Out) -> Result<(), Failure> {
    match command {
        Command::Init(init) => init.carry_out(out),
        Command::Root(root) => root.carry_out(out),
        Command::Store(store) => store.carry_out(out),
        Command::Keys(keys) => keys.carry_out(out),
        Command::Vectors(vectors) => vectors.carry_out(out),
        Command::Verify(verify) => verify.carry_out(out),
        Command::Run(run) => runtime()?.block_on(run.carry_out(out)),
        Command::Card(card) => runtime()?.block_on(card.carry_out(out)),
        Command::Search(search) => runtime()?.block_on(search.carry_out(out)),
        Command::Related(related) => runtime()?.block_on(related.carry_out(out)),
        Command::Kinds(kinds) => kinds.carry_out(out),
        Command::Template(template) => runtime()?.block_on(template.carry_out(out)),
        Command::Submit(submit) => runtime()?.block_on(submit.carry_out(out)),
        Command::Records(records) => runtime()?.block_on(records.carry_out(out)),
        Command::Agreements(agreements) => runtime()?.block_on(agreements.carry_out(out)),
        Command::Amend(amend) => runtime()?.block_on(amend.carry_out(out)),
        Command::Reply(reply) => runtime()?.block_on(reply.carry_out(out)),
        Command::Acknowledge(acknowledge) => runtime()?.block_on(acknowledge.carry_out(out)),
        Command::Assign(assign) => runtime()?.block_on(assign.carry_out(out)),
        Command::Recall(recall) => runtime()?.block_on(recall.carry_out(out)),
        Command::Hold(hold) => runtime()?.block_on(hold.carry_out(out)),
        Command::Shred(shred) => runtime()?.block_on(shred.carry_out(out)),
        Command::Access(access) => runtime()?.block_on(access.carry_out(out)),
        Command::Approvals(approvals) => runtime()?.block_on(approvals.carry_out(out)),
        Command::Officer(of) => runtime()?.block_on(of.carry_out(Kind::Officer, out)),
        Command::System(of) => runtime()?.block_on(of.carry_out(Kind::CaseSystem, out)),
        Command::Auditor(of) => runtime()?.block_on(of.carry_out(Kind::Auditor, out)),
        Command::Operator(of) => runtime()?.block_on(of.carry_out(Kind::Operator, out)),
        Command::Consent(consent) => runtime()?.block_on(consent.carry_out(out)),
        Command::Case(case) => runtime()?.block_on(case.carry_out(out)),
        Command::Evidence(evidence) => runtime()?.block_on(evidence.carry_out(out)),
        Command::Export(export) => runtime()?.block_on(export.carry_out(out)),
        Command::Onward(onward) => runtime()?.block_on(onward.carry_out(out)),
        Command::Receipts(receipts) => runtime()?.block_on(receipts.carry_out(out)),
        Command::Audit(audit) => runtime()?.block_on(audit.carry_out(out)),
        Command::Subject(subject) => runtime()?.block_on(subject.carry_out(out)),
        Command::Trend(trend) => runtime()?.block_on(trend.carry_out(out)),
        Command::Feed(feed) => runtime()?.block_on(feed.carry_out(out)),
        Command::Status(status) => runtime()?.block_on(status.carry_out(out)),
        Command::Demo(demo) => runtime()?.block_on(demo.carry_out(out)),
    }
}

fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(exit::OSERR, format!("cannot start threads: {error}")))
}
