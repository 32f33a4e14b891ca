//! A country's node as a process of its own.

use std::{
    fs::{self, File},
    process::{ExitStatus, Stdio},
};

use comity::client::Client;
use tokio::process::Command;

use super::{command::spawning, country::Country, eventually};

impl Country {
    /// Runs the node as a process and waits until it answers.
    pub(crate) async fn start_process(&mut self) {
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.dir().with_extension("log"))
            .unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_comity"));
        command
            .args(["run", "--home", self.at()])
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::from(log))
            .kill_on_drop(true);
        let child = spawning(|| command.spawn()).unwrap();
        self.process = Some(child);
        let profile = self.operator();
        let log = self.dir().with_extension("log");
        let process = &mut self.process;
        eventually("the process answers", async || {
            let ended = process.as_mut().unwrap().try_wait().unwrap();
            if let Some(status) = ended {
                panic!("{status}: {}", fs::read_to_string(&log).unwrap());
            }
            Client::connect(&profile).await.ok()
        })
        .await;
    }

    /// What the process wrote to standard error.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.dir().with_extension("log")).unwrap()
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.as_ref().unwrap().id().unwrap()
    }

    /// Ends the process with SIGKILL.
    pub(crate) async fn kill(&mut self) {
        self.process.take().unwrap().kill().await.unwrap();
    }

    /// Waits until the process ends by itself.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        self.process.take().unwrap().wait().await.unwrap()
    }

    /// Ends the process with SIGTERM.
    pub(crate) async fn terminate(&mut self) -> ExitStatus {
        let mut process = self.process.take().unwrap();
        let pid = i32::try_from(process.id().unwrap()).unwrap();
        rustix::process::kill_process(
            rustix::process::Pid::from_raw(pid).unwrap(),
            rustix::process::Signal::TERM,
        )
        .unwrap();
        process.wait().await.unwrap()
    }
}
