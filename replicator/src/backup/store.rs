//! The directory of a pipeline's backups: which there are, which are half, and which have had their time.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::manifest::{FORMAT, Manifest};
use crate::error::Error;

/// How one is called before it is whole.
const HALF: &str = ".partial";
const MANIFEST: &str = "manifest.json";
/// Lies in a backup once what it was made for has begun: a start that is tried again makes another.
const USED: &str = "used";

/// The directory.
#[derive(Clone, Debug)]
pub struct Store {
    dir: PathBuf,
}

/// Held by whoever writes or takes away. The kernel lets go of it when its holder is gone.
pub struct Held(#[allow(dead_code, reason = "closed when dropped")] File);

/// What was found.
#[derive(Clone, Debug)]
pub enum Found {
    /// A whole one.
    Whole(Manifest),
    /// One that this sluice cannot read: its label, and why.
    Unread(String, String),
    /// One that was interrupted, or is being made.
    Half(String),
}

impl Store {
    /// Of a pipeline.
    pub fn of(directory: &Path, pipeline: &str) -> Store {
        Store { dir: directory.join(pipeline) }
    }

    /// Where one of that label is.
    pub fn path(&self, label: &str) -> PathBuf {
        self.dir.join(label)
    }

    /// All there are, the oldest first.
    pub fn list(&self) -> Result<Vec<Found>, Error> {
        let mut labels = Vec::new();
        match fs::read_dir(&self.dir) {
            Ok(entries) => {
                for entry in entries {
                    let entry = entry.map_err(|e| self.trouble("read", &self.dir, e))?;
                    if entry.path().is_dir() {
                        labels.push(entry.file_name().to_string_lossy().into_owned());
                    }
                }
            }
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            Err(e) => return Err(self.trouble("read", &self.dir, e)),
        }
        labels.sort();
        Ok(labels
            .into_iter()
            .map(|label| if label.ends_with(HALF) { Found::Half(label) } else { self.read(label) })
            .collect())
    }

    fn read(&self, label: String) -> Found {
        let read = || -> Result<Manifest, String> {
            let text = fs::read(self.path(&label).join(MANIFEST)).map_err(|e| e.to_string())?;
            let found: Manifest =
                serde_json::from_slice(&text).map_err(|_| "its manifest is not as one is written".to_owned())?;
            match (found.format == FORMAT, found.label == label) {
                (true, true) if found.tables.iter().all(|t| Path::new(&t.file).components().count() == 1) => Ok(found),
                (true, _) => Err("its manifest is another's".into()),
                (false, _) => Err(format!("its format is {}, and this sluice knows {FORMAT}", found.format)),
            }
        };
        match read() {
            Ok(manifest) => Found::Whole(manifest),
            Err(why) => Found::Unread(label, why),
        }
    }

    /// The whole ones, the oldest first.
    pub fn whole(&self) -> Result<Vec<Manifest>, Error> {
        let whole = |found| if let Found::Whole(manifest) = found { Some(manifest) } else { None };
        Ok(self.list()?.into_iter().filter_map(whole).collect())
    }

    /// Nobody else writes or takes away meanwhile. Makes the directory.
    pub async fn hold(&self) -> Result<Held, Error> {
        make(&self.dir, true).map_err(|e| self.trouble("make", &self.dir, e))?;
        let path = self.dir.join(".lock");
        let open = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path);
        let file = open.map_err(|e| self.trouble("open", &path, e))?;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Held(file)),
                Err(fs::TryLockError::WouldBlock) => tokio::time::sleep(Duration::from_millis(100)).await,
                Err(fs::TryLockError::Error(e)) => return Err(self.trouble("lock", &path, e)),
            }
        }
    }

    /// A label that is free, and the directory in which it is made.
    pub(super) fn begin(&self, _held: &Held, why: &str, at: jiff::Timestamp) -> Result<(String, PathBuf), Error> {
        let stem = format!("{}-{why}", at.strftime("%Y%m%dT%H%M%S%3fZ"));
        let names = std::iter::once(stem.clone()).chain((2..).map(|n| format!("{stem}-{n}")));
        let label = names.into_iter().find(|label| !self.path(label).exists()).unwrap_or(stem);
        let half = self.path(&format!("{label}{HALF}"));
        make(&half, false).map_err(|e| self.trouble("make", &half, e))?;
        Ok((label, half))
    }

    /// It is whole from here on.
    pub(super) fn finish(&self, half: &Path, manifest: &Manifest) -> Result<(), Error> {
        let path = half.join(MANIFEST);
        let text = serde_json::to_vec_pretty(manifest).map_err(|e| Error::Bug(e.to_string()))?;
        let written = create(&path).and_then(|mut file| {
            file.write_all(&text)?;
            file.sync_all()
        });
        written.map_err(|e| self.trouble("write", &path, e))?;
        let renamed = sync(half).and_then(|()| {
            sink_postgres::failpoint::hit("backup.written");
            fs::rename(half, self.path(&manifest.label))?;
            sync(&self.dir)
        });
        renamed.map_err(|e| self.trouble("rename", half, e))
    }

    /// Takes away what is half. Gives their labels.
    pub fn sweep(&self, _held: &Held) -> Result<Vec<String>, Error> {
        let mut gone = Vec::new();
        for found in self.list()? {
            if let Found::Half(label) = found {
                let path = self.path(&label);
                fs::remove_dir_all(&path).map_err(|e| self.trouble("remove", &path, e))?;
                gone.push(label);
            }
        }
        Ok(gone)
    }

    /// Takes away what is half, and what is older than that; never the newest whole one. Gives their labels.
    pub fn prune(&self, held: &Held, keep: Duration) -> Result<Vec<String>, Error> {
        let mut gone = self.sweep(held)?;
        let mut whole = self.whole()?;
        whole.pop();
        for old in whole.into_iter().filter(|m| m.age() > keep.as_secs() as i64) {
            // by its name first: so that one of which a part is gone is half
            let (path, half) = (self.path(&old.label), self.path(&format!("{}{HALF}", old.label)));
            fs::rename(&path, &half).map_err(|e| self.trouble("rename", &path, e))?;
            fs::remove_dir_all(&half).map_err(|e| self.trouble("remove", &half, e))?;
            gone.push(old.label);
        }
        Ok(gone)
    }

    /// What it was made for has begun.
    pub(super) fn use_up(&self, label: &str) -> io::Result<()> {
        create(&self.path(label).join(USED)).and_then(|file| file.sync_all())
    }

    /// Has it?
    pub(super) fn is_used(&self, label: &str) -> bool {
        self.path(label).join(USED).exists()
    }

    /// What stands in the way, and what mends it.
    pub(super) fn trouble(&self, action: &str, path: &Path, e: io::Error) -> Error {
        let hint = match e.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                "make room, or another backup.directory; nothing was changed"
            }
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                "backup.directory has to be one that sluice's account may write; nothing was changed"
            }
            _ => "look at backup.directory; nothing was changed",
        };
        Error::Refused { what: format!("the backup: cannot {action} {}: {e}", path.display()), hint: hint.into() }
    }
}

/// A new file for nobody else.
pub(super) fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

fn make(path: &Path, parents: bool) -> io::Result<()> {
    DirBuilder::new().recursive(parents).mode(0o700).create(path)
}

/// A name in a directory is on disk when the directory is.
fn sync(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}
