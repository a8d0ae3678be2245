//! A cluster's data at one moment: copied, gone back to, brought up a second time.

use std::fs;
use std::path::PathBuf;

use super::Cluster;
use crate::servers::binaries::hand_over;
use crate::servers::scratch;
use crate::servers::template::copy;

/// A cluster's data at one moment, see [`Cluster::save`].
#[derive(Debug)]
pub struct Saved(PathBuf);

impl Cluster {
    /// The data as it is now; the server is stopped for it and started again if it ran.
    pub fn save(&mut self) -> Saved {
        let ran = self.process.is_some();
        self.stop_fast();
        let saved = scratch::scratch_dir("saved");
        hand_over(&saved);
        copy(&self.data(), &saved.join("data"));
        if ran {
            self.restart();
        }
        Saved(saved)
    }

    /// Goes back to a saved state, as a server does that is restored from a backup. Runs afterwards.
    pub fn restore(&mut self, saved: &Saved) {
        self.stop_fast();
        fs::remove_dir_all(self.data()).expect("remove the data");
        copy(&saved.0.join("data"), &self.data());
        self.configure([("port", self.port.to_string().as_str())]); // a clone has another port than the saved one
        self.restart();
    }

    /// A second server from a saved state: same system identifier, another port. Runs.
    pub fn clone_of(&self, saved: &Saved) -> Cluster {
        let dir = scratch::scratch_dir(&self.major.to_string());
        hand_over(&dir);
        copy(&saved.0.join("data"), &dir.join("data"));
        let mut cluster = Cluster { major: self.major, dir, port: 0, env: self.env.clone(), process: None };
        cluster.start_on_free_port();
        cluster
    }
}
