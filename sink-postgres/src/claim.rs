//! What a batch begins with: a statement that touches the checkpoint's row if the batch is the next one and it is our turn,
//! and no row otherwise ([`crate::checkpoint`]).

use filters::change::Batch;

/// The statement, and its parameters.
pub struct Claim {
    /// It touches one row, or the batch must not be applied.
    pub sql: &'static str,
    /// As text.
    pub params: Vec<Option<String>>,
}

impl Claim {
    /// Moves the checkpoint to the batch's end, and `xids` with it; or, while the batch's last source transaction is not
    /// over, locks it where it stands.
    pub fn new(pipeline: &str, epoch: i64, batch: &Batch, xids: (u64, u64)) -> Claim {
        let mut params = vec![Some(pipeline.to_owned()), Some(epoch.to_string()), Some(batch.after.to_string())];
        let Some(upto) = batch.upto else { return Claim { sql: LOCK, params } };
        let seconds = |time: i64| format!("{}.{:06}", time.div_euclid(1_000_000), time.rem_euclid(1_000_000));
        params.extend([upto.to_string(), xids.0.to_string(), xids.1.to_string()].map(Some));
        params.push(batch.commits.last().map(|c| seconds(c.time)));
        params.push(batch.read_on.map(|offset| offset.to_string()));
        Claim { sql: MOVE, params }
    }
}

const LOCK: &str = "SELECT 1 FROM sluice.checkpoint
  WHERE pipeline = $1::text AND epoch = $2::text::bigint AND lsn = $3::text::pg_lsn FOR UPDATE";

const MOVE: &str =
    "UPDATE sluice.checkpoint SET lsn = $4::text::pg_lsn, xid_seen = $5::text::bigint, xid_max = $6::text::bigint,
  source_time = coalesce('2000-01-01 00:00:00+00'::timestamptz + ($7::text || ' seconds')::interval, source_time),
  read_on = coalesce($8::text::bigint, read_on), updated_at = pg_catalog.clock_timestamp()
  WHERE pipeline = $1::text AND epoch = $2::text::bigint AND lsn = $3::text::pg_lsn";
