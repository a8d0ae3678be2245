//! `sluice plan`.
use super::args::{Args, Plan};
use crate::error::Error;

/// Not yet.
pub async fn run(_: &Args, _: &Plan) -> Result<(), Error> {
    Err(Error::Bug("not built yet".into()))
}
