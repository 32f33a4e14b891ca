//! The `comity` command, run to its end.

use std::{
    fs::File,
    io,
    path::Path,
    process::{Output, Stdio},
    sync::{Mutex, PoisonError},
};

use tokio::{
    io::AsyncWriteExt as _,
    process::{Child, Command},
    time::timeout,
};

use super::PATIENCE;

static SPAWNING: Mutex<()> = Mutex::new(());

/// Starts a child. Between its fork and its exec it holds a copy of every file of this program, and
/// with them the locks on the homes and stores of other tests.
pub(crate) fn spawning<T>(start: impl FnOnce() -> T) -> T {
    let _alone = SPAWNING.lock().unwrap_or_else(PoisonError::into_inner);
    start()
}

/// After this, no child holds what was closed before.
pub(crate) fn nothing_inherited() {
    spawning(|| ());
}

/// Runs another program to its end and answers what it said.
pub(crate) fn output_of(command: &mut std::process::Command) -> io::Result<Output> {
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    spawning(|| command.spawn())?.wait_with_output()
}

/// How a command ended and what it said.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    /// Checks that the command succeeded; answers its standard output.
    #[track_caller]
    pub(crate) fn fine(self) -> String {
        assert_eq!(self.code, 0, "{self:#?}");
        self.stdout
    }

    /// Checks the exit code and that standard error says each of `words`.
    #[track_caller]
    pub(crate) fn fails(&self, code: i32, words: &[&str]) {
        assert_eq!(self.code, code, "{self:#?}");
        assert!(!self.stderr.contains("panicked"), "{self:#?}");
        for word in words {
            assert!(self.stderr.contains(word), "{word:?} is not in {self:#?}");
        }
    }
}

/// Runs a command.
pub(crate) async fn comity(arguments: &[&str]) -> Ended {
    comity_reading(arguments, "").await
}

/// Runs a command that reads `input`.
pub(crate) async fn comity_reading(arguments: &[&str], input: &str) -> Ended {
    let mut command = command(arguments);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = spawning(|| command.spawn()).unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_owned();
    let writing = tokio::spawn(async move {
        // A command that refuses early does not read to the end.
        let _ = stdin.write_all(input.as_bytes()).await;
    });
    let ended = ended(child).await;
    writing.abort();
    ended
}

/// Runs a command with variables of its own.
pub(crate) async fn comity_with(environment: &[(String, String)], arguments: &[&str]) -> Ended {
    let mut command = command(arguments);
    command
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    let child = spawning(|| command.spawn()).unwrap();
    ended(child).await
}

/// Runs a command whose reader has gone.
pub(crate) async fn comity_with_broken_stdout(arguments: &[&str]) -> Ended {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = command(arguments);
    command.stdin(Stdio::null()).stdout(Stdio::from(writer));
    let child = spawning(|| command.spawn()).unwrap();
    ended(child).await
}

/// Runs a command that finds `folder` where temporary files go.
pub(crate) async fn comity_with_temporary(folder: &Path, arguments: &[&str]) -> Ended {
    let mut command = command(arguments);
    command
        .env("TMPDIR", folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    let child = spawning(|| command.spawn()).unwrap();
    ended(child).await
}

/// Starts a command and answers it while it runs; its messages go to a new file.
pub(crate) fn comity_running(arguments: &[&str], messages: &Path) -> Child {
    let mut command = command(arguments);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::from(File::create_new(messages).unwrap()));
    spawning(|| command.spawn()).unwrap()
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_comity"));
    command
        .args(arguments)
        .stderr(Stdio::piped())
        .env_remove("COMITY_HOME")
        .env_remove("COMITY_PROFILE")
        .kill_on_drop(true);
    command
}

async fn ended(child: Child) -> Ended {
    let output = timeout(PATIENCE, child.wait_with_output()).await;
    let output = output.expect("the command does not end").unwrap();
    Ended {
        code: output.status.code().expect("ended by a signal"),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}
