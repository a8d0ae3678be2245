//! A physical standby: a base backup of a running server, and a server over it that streams.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use super::Cluster;
use crate::servers::binaries::hand_over;
use crate::servers::scratch;

/// What a server makes anew, or has of its own: not part of a base backup.
const LEFT_OUT: &[&str] = &[
    "pg_wal",
    "pg_replslot",
    "pg_stat_tmp",
    "pg_dynshmem",
    "pg_notify",
    "pg_subtrans",
    "postmaster.pid",
    "postmaster.opts",
];

impl Cluster {
    /// A standby of this server, running, on a port of its own. It reads from a physical slot of that name, which is made
    /// if it is not there. `settings` are its own.
    pub async fn standby(&self, slot: &str, settings: &[(&str, &str)]) -> Cluster {
        let dir = scratch::scratch_dir(&self.major.to_string());
        hand_over(&dir);
        let mut standby = Cluster { major: self.major, dir, port: 0, env: self.env.clone(), process: None };
        self.back_up(&standby, slot, settings).await;
        standby.start_on_free_port();
        standby
    }

    /// What becomes of an old primary: its data goes, and it comes back as a standby of another server. Same port.
    pub async fn come_back_behind(&mut self, primary: &Cluster, slot: &str, settings: &[(&str, &str)]) {
        self.stop_fast();
        fs::remove_dir_all(self.data()).expect("remove the data");
        primary.back_up(self, slot, settings).await;
        self.configure([("port", self.port.to_string().as_str())]);
        self.restart();
    }

    /// By the low-level interface, since the servers that are fetched come without pg_basebackup; see
    /// <https://www.postgresql.org/docs/current/continuous-archiving.html#BACKUP-LOWLEVEL-BASE-BACKUP>.
    async fn back_up(&self, standby: &Cluster, slot: &str, settings: &[(&str, &str)]) {
        let client = self.client("postgres").await;
        let make = "SELECT pg_create_physical_replication_slot($1, true) WHERE NOT EXISTS (SELECT FROM pg_replication_slots WHERE slot_name = $1)";
        client.execute(make, &[&slot]).await.expect("a slot");
        client.execute("SELECT pg_backup_start('standby', true)", &[]).await.expect("begin a backup");
        copy_running(&self.data(), &standby.data());
        let label = client.query_one("SELECT labelfile FROM pg_backup_stop(false)", &[]).await.expect("end a backup");
        standby.write("backup_label", label.get::<_, String>(0));
        standby.write("standby.signal", "");
        let conninfo =
            format!("host=127.0.0.1 port={} user=postgres dbname=postgres application_name={slot}", self.port);
        standby.configure([
            ("primary_conninfo", conninfo.as_str()),
            ("primary_slot_name", slot),
            ("hot_standby_feedback", "on"),
        ]);
        standby.configure(settings.iter().copied());
        let socket = standby.dir.display().to_string();
        standby.configure([("unix_socket_directories", socket.as_str())]);
    }
}

/// Files that go meanwhile are no loss: the standby replays what took them away.
fn copy_running(from: &Path, to: &Path) {
    fs::create_dir(to).expect("make the data directory");
    for entry in fs::read_dir(from).expect("read the data directory").flatten() {
        let name = entry.file_name();
        if LEFT_OUT.iter().any(|left| name == **left) {
            if entry.path().is_dir() {
                let made = to.join(&name);
                fs::create_dir(&made).expect("make a directory");
                hand_over(&made);
            }
            continue;
        }
        let copied = Command::new("cp").arg("-a").arg(entry.path()).arg(to).stderr(Stdio::null()).status();
        copied.expect("run cp");
    }
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o700);
    fs::set_permissions(to, mode).expect("a data directory is private");
    hand_over(to);
}
