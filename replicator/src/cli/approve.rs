//! `sluice approve`: gives withheld columns a class, in the lock.
//!
//! The lock is written only if the whole policy holds with it: a mask that does not fit the column, or gives two keys one
//! value, is refused before anybody runs into it. What a running sluice has to fill in then is found by it, not told: a column
//! that comes otherwise than the target remembers is due (`sink_postgres::known`).

use serde_json::json;

use super::args::{Approve, Args};
use super::{freeze, print, resync};
use crate::audit;
use crate::check::review;
use crate::config::{self, Files, Lock, LockedColumn, Problem, Problems, SourceTable, did_you_mean};
use crate::error::{Doing, Error};
use crate::source::catalog;
use crate::start;
use filters::policy::Class;
use sink_postgres::{checkpoint, known};

/// Writes the lock, and with `--now` has it taken up at once.
pub async fn run(args: &Args, verb: &Approve) -> Result<(), Error> {
    let files = Files::new(&args.config);
    let (config, was) = files.read().map_err(Error::Config)?;
    let Some(was) = was else {
        let problem = Problem::new("", format!("there is no {}", files.lock().display()));
        return Err(Error::Config(problem.hint("sluice init --lock writes it, for review").into()));
    };
    let class = config::typed_class(&verb.class, &config.masking.domains).map_err(Error::Config)?;
    let (source, target) = start::conninfos(&config)?;
    let mut production = start::ends::source(&config, &source.data, "approve", &[]).await?;
    let mut staging = start::ends::target(&config, &target, "approve", &[]).await?;
    start::different(&mut production, &mut staging).await?;
    let tables = catalog::tables(&mut production).await.doing("read the catalog")?;
    let tables: Vec<SourceTable> = tables.iter().map(start::described).collect();
    let mut lock = was.clone();
    approve(&mut lock, &tables, &verb.columns, &class).map_err(Error::Config)?;
    let memory = known::read(&mut staging, &config.pipeline).await?;
    let demands = start::Demands::read(&mut staging).await?;
    start::plan(&config, Some(&lock), memory, &demands, &mut production).await?.proved()?;
    production.close().await;
    let path = files.lock();
    // on a target that nothing has run into yet nothing is audited, and nothing comes otherwise by it
    let begun = match sink_postgres::audit::is_kept(&mut staging).await? {
        true => {
            let what = json!({ "columns": verb.columns, "as": shown(&class), "now": verb.now });
            Some(audit::begin(&config, &mut staging, "approve", &what).await?.id)
        }
        false => None,
    };
    let written =
        lock.write(&path).map_err(|source| Error::File { action: "write", path: path.display().to_string(), source });
    if let Some(begun) = begun {
        audit::end(&config, &mut staging, "approve", begun, &audit::result(&written)).await;
    }
    written?;
    print::data(review::text(&review::compare(&was, &lock)))?;
    eprintln!("wrote {}", path.display());
    let running = resync::connected(&config, &mut staging).await?;
    if verb.now && running {
        checkpoint::reread(&mut staging, &config.pipeline).await?;
    }
    freeze::said(&config, &mut staging).await?;
    staging.close().await;
    eprintln!(
        "{}",
        match (running, verb.now) {
            (true, true) =>
                "The running sluice reads its files within a second or two, and fills in what is due; sluice status shows how far it is. \
                 If it runs on another machine, bring it the lock first.",
            (true, false) => "The running sluice reads it at its next start, at SIGHUP, or with --now.",
            (false, _) => "No sluice is running; the next sluice run reads it, and fills in what is due.",
        }
    );
    Ok(())
}

/// A class without its parameters, which may be values.
fn shown(class: &Class) -> &str {
    match class {
        Class::Mask { domain: Some(domain), .. } => domain,
        Class::Mask { spec, domain: None } => spec.name(),
        Class::Keep => "keep",
        Class::Drop => "drop",
        Class::Withheld => "withheld",
    }
}

/// Puts the columns into the lock. All problems at once.
fn approve(lock: &mut Lock, tables: &[SourceTable], typed: &[String], class: &Class) -> Result<(), Problems> {
    let mut problems = Problems::default();
    let withheld = |lock: &Lock, table: &SourceTable, column: &config::SourceColumn| {
        lock.tables.get(&(table.schema.clone(), table.name.clone())).is_some_and(|locked| {
            let was = locked.get(&column.name);
            was.is_none_or(|was| was.class == Class::Withheld || was.type_name != column.type_name)
        })
    };
    for typed in typed {
        let named = |table: &SourceTable, column: &config::SourceColumn| {
            let full = table.full_name();
            [&full, &format!("{}.{}", table.schema, table.name), &table.name]
                .iter()
                .any(|t| format!("{t}.{}", column.name) == *typed)
        };
        let all = tables.iter().flat_map(|t| t.columns.iter().map(move |c| (t, c)));
        let found: Vec<_> = all.clone().filter(|(t, c)| named(t, c)).collect();
        match found.as_slice() {
            [(table, column)] if withheld(lock, table, column) => {
                let columns = lock.tables.entry((table.schema.clone(), table.name.clone())).or_default();
                let locked = LockedColumn { type_name: column.type_name.clone(), class: class.clone() };
                columns.insert(column.name.clone(), locked);
            }
            [(table, column)] => {
                let name = (table.schema.clone(), table.name.clone());
                let was = lock.tables.get(&name).and_then(|t| t.get(&column.name));
                problems.0.push(match was {
                    Some(was) => Problem::new(
                        "",
                        format!("{typed} is not withheld: it is {} in sluice.lock", config::class_text(&was.class)),
                    )
                    .hint("say another class in sluice.yaml, and sluice init --lock"),
                    None => Problem::new("", format!("{} is not in sluice.lock", table.full_name()))
                        .hint("name it in `tables:`, and sluice init --lock"),
                });
            }
            [] => {
                let names: Vec<String> = all
                    .filter(|(t, c)| withheld(lock, t, c))
                    .map(|(t, c)| format!("{}.{}", t.full_name(), c.name))
                    .collect();
                let mut problem = Problem::new("", format!("no column {typed} on production"));
                problem.hint = did_you_mean(typed, names.iter().map(String::as_str))
                    .or_else(|| Some("sluice plan lists what is withheld".to_owned()));
                problems.0.push(problem);
            }
            many => {
                let names: Vec<String> = many.iter().map(|(t, c)| format!("{}.{}", t.full_name(), c.name)).collect();
                problems.0.push(Problem::new("", format!("{typed} could be {}", names.join(" or "))));
            }
        }
    }
    if problems.0.is_empty() { Ok(()) } else { Err(problems) }
}
