//! `sluice check`.
use super::args::{Args, Check};
use crate::error::Error;

/// Not yet.
pub async fn run(_: &Args, _: &Check) -> Result<(), Error> {
    Err(Error::Bug("not built yet".into()))
}
