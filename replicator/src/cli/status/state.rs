//! What the two servers said, in the form in which `--json` gives it.

use serde::Serialize;

/// Where a pipeline stands.
#[derive(Clone, Debug, Default, Serialize)]
pub struct State {
    /// Its name.
    pub pipeline: String,
    /// `not started`, `starting`, `copying`, `streaming`, `frozen`, `held`, `resting` or `stopped`; `unknown` without the target.
    pub state: &'static str,
    /// Is everything that is replicated exact at the checkpoint? `None` where the target could not be asked.
    pub consistent: Option<bool>,
    /// Production.
    pub source: Server,
    /// Staging.
    pub target: Server,
    /// Is a replicator connected to the target now?
    pub connected: Option<bool>,
    /// Why the stream stands still, if it does.
    pub hold: Option<String>,
    /// Staging stands still because somebody has asked for it.
    pub freeze: Option<Freeze>,
    /// Between two refreshes: when the next one begins (`schedule.every`).
    pub resting: Option<String>,
    /// Sessions of the target that the replicator waits for.
    pub waiting_for_pids: Vec<i32>,
    /// How far behind production.
    pub lag: Lag,
    /// Why no part of the copy begins, if that is so: `limits.wal.pause_copy`, or `copy.window`.
    pub copy_waits: Option<&'static str>,
    /// The slot on production; `None`: there is none, or production could not be asked.
    pub slot: Option<Slot>,
    /// The topic between; `None`: there is none.
    pub topic: Option<Topic>,
    /// Rows in quarantine, of all tables. While there are any, staging shows source transactions without a part of them.
    pub quarantined: u64,
    /// Rows of production that staging's own rows keep away, of all tables.
    pub shadowed: u64,
    /// Rows that production has deleted, and that stay because staging's own refer to them (`protect.on_referenced`).
    pub tombstones: u64,
    /// Where the target stands; `None`: nowhere yet, or it could not be asked.
    pub checkpoint: Option<Checkpoint>,
    /// The replicated tables, then those that are structure only, then the protected ones.
    pub tables: Vec<Table>,
    /// Foreign keys of staging with rows that refer to nothing, as of the last count.
    pub orphans: Vec<Orphans>,
    /// What stands in the way of knowing more, or of going on.
    pub problems: Vec<String>,
}

/// One of the two.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Server {
    /// The label of the configuration.
    pub environment: Option<String>,
    /// Did it answer?
    pub reachable: bool,
    /// If not, why not.
    pub error: Option<String>,
}

/// Behind.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Lag {
    /// WAL of production behind what staging shows, other tables' included.
    pub bytes: Option<u64>,
    /// Since staging last showed all that production had, as the replicator says; since its last sign of life where none
    /// runs. `None` before it has shown all for the first time.
    pub seconds: Option<f64>,
    /// Does one run that could say it?
    #[serde(skip)]
    pub said: bool,
    /// Does it say that the copy waits, and what for?
    #[serde(skip)]
    pub waits: Option<&'static str>,
}

/// The slot.
#[derive(Clone, Debug, Serialize)]
pub struct Slot {
    /// Its name.
    pub name: String,
    /// Is it read now?
    pub active: bool,
    /// reserved, extended, unreserved or lost.
    pub wal_status: String,
    /// WAL that production keeps for it.
    pub held_bytes: u64,
    /// From the configuration: beyond this `run` warns.
    pub budget_bytes: u64,
    /// What production has been told is safe.
    pub confirmed: String,
}

/// The topic between, and how the two halves stand to it.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Topic {
    /// Its name.
    pub name: String,
    /// Did a broker answer?
    pub reachable: bool,
    /// If not, why not.
    pub error: Option<String>,
    /// The first offset that is there.
    pub first_offset: Option<i64>,
    /// The next that will be written.
    pub end_offset: Option<i64>,
    /// Its `retention.ms`; `None`: nothing expires by its age.
    pub retention_seconds: Option<f64>,
    /// Its `retention.bytes`: beyond it the oldest goes, read or not. `None`: any number.
    pub retention_bytes: Option<u64>,
    /// Production into it.
    pub capture: Capture,
    /// It into this target.
    pub apply: Apply,
}

/// The half that fills it.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Capture {
    /// `streaming`, `held`, `retrying` or `stopped`; `unknown` without production.
    pub state: &'static str,
    /// Why it stands still, if it says so.
    pub hold: Option<String>,
    /// All of production up to here is in the topic; `None`: nothing has been captured yet.
    pub lsn: Option<String>,
    /// When it wrote that.
    pub heard_seconds_ago: Option<f64>,
    /// How far it is behind production.
    pub lag: Lag,
}

/// The half that empties it, as far as this target goes.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Apply {
    /// Where it reads on; `None`: it does not follow the topic yet.
    pub offset: Option<i64>,
    /// Records that it has not read, Kafka's own markers among them.
    pub records: Option<u64>,
    /// How old the oldest of them is; 0 where there is none.
    pub seconds: Option<f64>,
    /// What it reads next has gone from the topic.
    pub expired: bool,
    /// Before then nothing of what it has not read is lost by its age.
    pub lost_at: Option<String>,
    /// The same, from now; negative: it may go at any moment.
    pub lost_in_seconds: Option<f64>,
}

/// Where the target stands.
#[derive(Clone, Debug, Serialize)]
pub struct Checkpoint {
    /// Production's position; `None`: the slot is about to be made.
    pub lsn: Option<String>,
    /// When it was last written.
    pub updated_seconds_ago: f64,
    /// When the last applied transaction committed on production.
    pub source_time: Option<String>,
}

/// A freeze, as the target has it.
#[derive(Clone, Debug, Serialize)]
pub struct Freeze {
    /// When it was asked for.
    pub since: String,
    /// When it ends by itself; `None`: with `sluice resume`.
    pub until: Option<String>,
    /// Who has asked.
    pub who: String,
    /// What for.
    pub reason: String,
    /// Production's position at which staging stands; `None`: it does not yet.
    pub at: Option<String>,
    /// Since when it stands.
    pub stands_since: Option<String>,
    /// Was every replicated row as production had it there?
    pub consistent: bool,
}

/// What refers to nothing.
#[derive(Clone, Debug, Serialize)]
pub struct Orphans {
    /// The table that refers: `schema.name`.
    pub table: String,
    /// Its foreign key.
    pub constraint: String,
    /// The table that it refers to.
    pub refers_to: String,
    /// Rows; `None`: they could not be counted.
    pub rows: Option<u64>,
    /// When.
    pub counted_at: String,
}

/// A table.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Table {
    /// `schema.name`.
    pub name: String,
    /// `streaming`, `copying`, `healing`, `waiting`, `new`, `structure`, `protected`, `leaving`, or the pipeline's own
    /// where that stands still: `held`, `frozen`, `resting`, `stopped`, `unknown`.
    pub state: &'static str,
    /// Ranges that are not exact yet.
    pub pending_ranges: u64,
    /// Why ranges of it are copied again, where there is a reason to tell.
    pub copied_because: Option<String>,
    /// Single keys that are not exact yet.
    pub pending_points: u64,
    /// Waits until this transaction of production has ended.
    pub wait_xid: Option<u64>,
    /// Changes applied.
    pub rows_applied: Option<u64>,
    /// Rows copied.
    pub rows_copied: Option<u64>,
    /// When the last range of it was loaded.
    pub copied_at: Option<String>,
    /// How long loading its ranges took, all of them together.
    pub copy_seconds: Option<f64>,
    /// Rows that the target has refused, in quarantine: staging shows the transactions that they come from in part.
    pub quarantined: u64,
    /// Rows of production that staging's own rows keep away (`protect.rows`).
    pub shadowed: u64,
    /// Rows that production has deleted, and that stay because staging's own refer to them (`protect.on_referenced`).
    pub tombstones: u64,
    /// Rows that were not as expected.
    pub divergences: u64,
    /// When the last change arrived.
    pub last_change_seconds_ago: Option<f64>,
    /// Do updates and deletes arrive too? `false`: the table has no replica identity.
    pub identified: Option<bool>,
    /// Columns that are masked.
    pub masked: Option<u64>,
    /// Columns that are dropped.
    pub dropped: Option<u64>,
    /// Columns that nobody has classified.
    pub withheld: Vec<String>,
}

impl State {
    /// One word for all, and for each table, from what is known.
    pub fn conclude(&mut self) {
        let replicated = |t: &&Table| t.rows_copied.is_some();
        let pending = |t: &&Table| t.pending_ranges + t.pending_points + t.quarantined > 0;
        let ranges = self.tables.iter().filter(replicated).any(|t| t.pending_ranges > 0);
        self.state = match (&self.checkpoint, self.connected) {
            _ if !self.target.reachable => "unknown",
            (None, _) => "not started",
            _ if self.hold.is_some() || self.topic.as_ref().is_some_and(|t| t.capture.state == "held") => "held",
            (_, Some(false)) if self.resting.is_some() => "resting",
            (_, Some(false)) => "stopped",
            _ if self.freeze.as_ref().is_some_and(|freeze| freeze.at.is_some()) => "frozen",
            (Some(c), _) if c.lsn.is_none() => "starting",
            _ if ranges => "copying",
            _ => "streaming",
        };
        self.quarantined = self.tables.iter().map(|t| t.quarantined).sum();
        self.shadowed = self.tables.iter().map(|t| t.shadowed).sum();
        self.tombstones = self.tables.iter().map(|t| t.tombstones).sum();
        self.consistent = self.target.reachable.then(|| {
            self.checkpoint.as_ref().is_some_and(|c| c.lsn.is_some())
                && !self.tables.iter().filter(replicated).any(|t| pending(&t))
        });
        for table in self.tables.iter_mut().filter(|t| t.state.is_empty()) {
            table.state = match &*table {
                _ if self.state == "unknown" => "unknown",
                t if t.rows_copied.is_none() => "new",
                t if t.wait_xid.is_some() && t.pending_ranges > 0 => "waiting",
                t if t.pending_ranges > 0 => "copying",
                t if t.pending_points > 0 => "healing",
                _ if matches!(self.state, "held" | "stopped" | "frozen" | "resting") => self.state,
                _ => "streaming",
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(table: Table) -> State {
        let mut state = State {
            connected: Some(true),
            checkpoint: Some(Checkpoint { lsn: Some("0/1".into()), updated_seconds_ago: 0.0, source_time: None }),
            tables: vec![table],
            ..State::default()
        };
        state.target.reachable = true;
        state
    }

    fn words(mut state: State) -> (&'static str, Option<bool>, &'static str) {
        state.conclude();
        (state.state, state.consistent, state.tables[0].state)
    }

    #[test]
    fn one_word_says_it() {
        let known = Table { rows_copied: Some(0), ..Table::default() };
        assert_eq!(words(state(known.clone())), ("streaming", Some(true), "streaming"));
        let ranges = Table { pending_ranges: 2, ..known.clone() };
        assert_eq!(words(state(ranges.clone())), ("copying", Some(false), "copying"));
        assert_eq!(words(state(Table { wait_xid: Some(7), ..ranges.clone() })).2, "waiting");
        let points = Table { pending_points: 1, ..known.clone() };
        assert_eq!(words(state(points)), ("streaming", Some(false), "healing"));
        let quarantined = Table { quarantined: 1, ..known.clone() };
        assert_eq!(words(state(quarantined)), ("streaming", Some(false), "streaming"));
        assert_eq!(words(state(Table::default())).2, "new");
        assert_eq!(words(State { connected: Some(false), ..state(known.clone()) }).0, "stopped");
        assert_eq!(words(State { hold: Some("x".into()), ..state(known.clone()) }), ("held", Some(true), "held"));
        let freeze = |at: Option<&str>| Freeze {
            since: String::new(),
            until: None,
            who: String::new(),
            reason: String::new(),
            at: at.map(str::to_owned),
            stands_since: None,
            consistent: true,
        };
        let frozen = |at, connected| State { freeze: Some(freeze(at)), connected, ..state(known.clone()) };
        assert_eq!(words(frozen(Some("0/1"), Some(true))), ("frozen", Some(true), "frozen"));
        assert_eq!(words(frozen(None, Some(true))).0, "streaming", "not yet");
        assert_eq!(words(frozen(Some("0/1"), Some(false))).0, "stopped");
        let resting = State { resting: Some("x".into()), connected: Some(false), ..state(known.clone()) };
        assert_eq!(words(resting), ("resting", Some(true), "resting"));
        assert_eq!(words(State { checkpoint: None, ..state(Table::default()) }), ("not started", Some(false), "new"));
        assert_eq!(words(State { target: Server::default(), ..state(known) }), ("unknown", None, "unknown"));
    }
}
