//! Step 4: the target is taken over, and knows the plan's tables.

use std::time::Duration;

use sink_postgres::checkpoint::Checkpoint;
use sink_postgres::guard::Protected;
use sink_postgres::sink::{OnDivergence, OnError, Options};
use sink_postgres::{PostgresSink, failpoint};
use wire::Conninfo;

use super::{Plan, on_referenced, own_rows, spec};
use crate::config::{self, Config, table_name};
use crate::error::Error;

/// The target, and what it was.
pub struct TakenOver {
    /// Ours now.
    pub sink: PostgresSink,
    /// As it stood.
    pub checkpoint: Checkpoint,
    /// What is to be empty is left as it is for now: staging is frozen.
    pub put_off: bool,
    /// Tables that are new there.
    pub fresh: Vec<(String, String)>,
}

/// Fences whoever wrote the target before, and makes it know the plan's tables.
pub async fn take_over(
    config: &Config,
    target: &Conninfo,
    plan: &Plan,
    protected: Vec<(String, String)>,
    on_error: OnError,
) -> Result<TakenOver, Error> {
    let giving_way = on_referenced(config, &protected);
    let protected = Protected { tables: protected, rows: own_rows(config), on_referenced: giving_way };
    let (mut sink, checkpoint) = PostgresSink::connect(target, sink_options(config, on_error), protected).await?;
    failpoint::hit("start.taken");
    let put_off = sink.frozen().await?.is_some();
    if !put_off {
        // before what was known of them is forgotten
        empty(&mut sink, plan).await?;
    }
    let specs = plan.tables.iter().map(|(t, c)| spec(t, c, &plan.policy, &plan.memory, config));
    let fresh = sink.register(specs.collect()).await?;
    let shapes: Vec<_> = plan.tables.iter().map(|(_, compiled)| &compiled.output).collect();
    sink.mappings(&shapes).await?;
    Ok(TakenOver { sink, checkpoint, put_off, fresh })
}

/// Tables that are structure only, or of which no column comes, have no rows, whoever put them there: no stream would ever take a
/// raw one away.
async fn empty(sink: &mut PostgresSink, plan: &Plan) -> Result<(), Error> {
    for ((schema, name), why) in plan.emptied() {
        if sink.empty(schema, name).await? {
            tracing::warn!(table = %table_name(schema, name), "{why}, and it held rows: they are gone from staging");
        }
    }
    Ok(())
}

/// How the target is written.
pub(crate) fn sink_options(config: &Config, on_error: OnError) -> Options {
    Options {
        pipeline: config.pipeline.clone(),
        on_divergence: match config.apply.on_divergence {
            config::OnDivergence::Heal => OnDivergence::Heal,
            config::OnDivergence::Stop => OnDivergence::Stop,
        },
        on_error,
        lock_timeout: Duration::from_secs(5),
    }
}

/// `unread`: is a value that its type does not know to go the way of all others?
pub(crate) fn on_error(config: &Config, unread: bool) -> OnError {
    match config.apply.on_error {
        config::OnError::Stop => OnError::Stop,
        config::OnError::Quarantine => OnError::Quarantine { most: config.apply.max_quarantined, unread },
    }
}
