//! Where `sluice.yaml` and `sluice.lock` lie: a running sluice reads them again when it is told to.

use std::path::{Path, PathBuf};

use super::{Config, Lock, Problems};

/// The two files.
#[derive(Clone, Debug)]
pub struct Files {
    config: PathBuf,
}

impl Files {
    /// The lock lies beside the configuration.
    pub fn new(config: &Path) -> Files {
        Files { config: config.to_owned() }
    }

    /// `sluice.yaml`, or what it is called.
    pub fn config(&self) -> &Path {
        &self.config
    }

    /// `sluice.lock`.
    pub fn lock(&self) -> PathBuf {
        self.config.with_file_name("sluice.lock")
    }

    /// What they say now; there need not be a lock.
    pub fn read(&self) -> Result<(Config, Option<Lock>), Problems> {
        Ok((Config::load(&self.config)?, Lock::read(&self.lock())?))
    }
}
