//! Is the target one of the servers that `never_write` means?
//!
//! A name proves little: the same server answers under an alias, an address, or at the near end of a tunnel. So the target is
//! known by every name, address, port and database that it was asked for by, that it has, and that it says it has itself.

use std::net::IpAddr;
use std::time::Duration;

use tokio::task::JoinSet;
use wire::{Connection, Conninfo};

use crate::config::{Config, Never, Place};
use crate::error::Error;

/// A name that cannot be looked up in time has no address here, and nothing leads to it by this machine.
const PATIENCE: Duration = Duration::from_secs(3);

/// By what the file alone says. Asks nobody.
pub fn as_written(config: &Config, target: &Conninfo) -> Result<(), Error> {
    let place = written(target);
    match config.never_write.iter().find(|never| never.means(&place)) {
        Some(never) => Err(refused(never, &format!("target.url is {}, database {}", target.host(), target.database()))),
        None => Ok(()),
    }
}

/// By what its host's name stands for, and by what the server says of itself.
pub async fn as_found(config: &Config, target: &Conninfo, db: &mut Connection) -> Result<(), Error> {
    if config.never_write.is_empty() {
        return Ok(());
    }
    let mut place = written(target);
    let sql = "SELECT pg_catalog.host(pg_catalog.inet_server_addr()), pg_catalog.inet_server_port(), pg_catalog.current_database()";
    let rows = db.query(sql, &[]).await.map_err(|e| Error::Target(e.into()))?;
    place.addresses.extend(rows.get(0, 0).and_then(|a| a.parse::<IpAddr>().ok()));
    place.ports.extend(rows.get(0, 1).and_then(|p| p.parse::<u16>().ok()));
    place.databases.extend(rows.get(0, 2).map(str::to_owned));
    let never: Vec<&str> = config.never_write.iter().filter_map(Never::name).collect();
    let names: Vec<&str> = never.iter().copied().chain(place.names.iter().map(String::as_str)).collect();
    let mut known = addresses(&names).await;
    let hosts = known.split_off(never.len());
    place.addresses.extend(hosts.into_iter().flatten());
    let mut by_name = known.into_iter();
    for never in &config.never_write {
        let its: Vec<IpAddr> = if never.name().is_some() { by_name.next().unwrap_or_default() } else { Vec::new() };
        if never.means(&place) || never.means_by(&its, &place) {
            let addresses: Vec<String> = place.addresses.iter().map(IpAddr::to_string).collect();
            let led = format!("target.url ({}) leads to {}", target.host(), addresses.join(", "));
            return Err(refused(never, &led));
        }
    }
    Ok(())
}

/// Of several hosts the target may be at any.
fn written(target: &Conninfo) -> Place {
    let each: Vec<Conninfo> = target.each().collect();
    let names: Vec<String> = each.iter().map(|one| one.host().trim_end_matches('.').to_lowercase()).collect();
    let addresses = names.iter().filter_map(|name| name.parse().ok());
    Place {
        addresses: addresses.chain(each.iter().filter_map(Conninfo::hostaddr)).collect(),
        ports: each.iter().map(Conninfo::port).collect(),
        databases: vec![target.database().to_owned()],
        names,
    }
}

/// The addresses of each of the names, in their order.
async fn addresses(names: &[&str]) -> Vec<Vec<IpAddr>> {
    let mut asked = JoinSet::new();
    for (at, name) in names.iter().enumerate().filter(|(_, name)| !name.starts_with('/')) {
        let name = (*name).to_owned();
        asked.spawn(async move {
            let found = tokio::time::timeout(PATIENCE, tokio::net::lookup_host((name.as_str(), 0))).await;
            let found: Vec<IpAddr> =
                found.ok().and_then(Result::ok).map_or(Vec::new(), |f| f.map(|a| a.ip()).collect());
            (at, found)
        });
    }
    let mut all = vec![Vec::new(); names.len()];
    while let Some(found) = asked.join_next().await {
        if let Ok((at, found)) = found
            && let Some(place) = all.get_mut(at)
        {
            *place = found;
        }
    }
    all
}

fn refused(never: &Never, why: &str) -> Error {
    Error::Refused {
        what: format!("never_write: {never}: it means the target: {why}"),
        hint: "point target.url at staging; nothing else gets around it, as long as never_write says so".into(),
    }
}
