//! Is the audit as it was written? See [`super`] for what that can say and what it cannot.

use super::{Chain, Recorded};

/// What is found.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Verdict {
    /// Entries that there are.
    pub entries: usize,
    /// Of these, written by an earlier version, before the chain.
    pub before: usize,
    /// Of these, chained without a masking key: whoever may write the table could have made them.
    pub keyless: usize,
    /// Number and hash of the last one.
    pub head: Option<(i64, String)>,
    /// What is not as it was written, in the order of the entries.
    pub faults: Vec<Fault>,
}

/// Something that is not as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// At which entry.
    pub id: i64,
    /// What.
    pub what: String,
}

/// Looks at all entries of a pipeline, in their order. `chains`: by each masking key that it had; `head`: a hash that was noted elsewhere.
pub fn verify(entries: &[Recorded], chains: &[Chain], head: Option<&str>) -> Verdict {
    let before = entries.iter().take_while(|e| e.hash.is_none()).count();
    let (earlier, chained) = entries.split_at(before);
    let mut verdict = Verdict { entries: entries.len(), before, ..Verdict::default() };
    let mut fault = |id: i64, what: String| verdict.faults.push(Fault { id, what });
    let mut last: Option<(i64, &str)> = None;
    let mut keyed = false;
    // (all that an earlier version wrote down was the asking for values)
    for entry in earlier.iter().filter(|e| !e.verb.starts_with("masks try") || e.previous.is_some()) {
        fault(entry.id, "it has no hash, and no earlier version has written such".into());
    }
    for entry in chained {
        let id = entry.id;
        let Some(hash) = entry.hash.as_deref() else {
            fault(id, "it has no hash: not written by this version of sluice, and not before the chain".into());
            last = last.map(|(_, hash)| (id, hash));
            continue;
        };
        let chain = chains.iter().find(|chain| Some(chain.id()) == entry.mask_key.as_deref());
        let expected = last.map_or_else(|| earlier.last().map_or(0, |e| e.id), |(id, _)| id) + 1;
        if id != expected {
            fault(
                id,
                if id == expected + 1 {
                    format!("entry {expected} is missing")
                } else {
                    format!("entries {expected} to {} are missing", id - 1)
                },
            );
        }
        let previous = match last {
            Some((_, hash)) => Some(hash.to_owned()),
            None => chain.map(|chain| chain.seal(earlier)),
        };
        if previous.is_some() && previous != entry.previous {
            fault(
                id,
                match last {
                    Some((before, _)) => format!("it was not written behind entry {before} as that stands there"),
                    None if earlier.is_empty() => "it was not the first one".into(),
                    None => "what stands before the chain is not what stood there when it began".into(),
                },
            );
        }
        match chain {
            None => fault(
                id,
                format!(
                    "it is chained under the masking key {}, which is not at hand",
                    entry.mask_key.as_deref().unwrap_or_default()
                ),
            ),
            Some(chain) if chain.hash(entry) != hash => fault(id, "it is not as it was written".into()),
            Some(chain) if chain.id().is_empty() && keyed => {
                fault(id, "it is chained without a key, behind entries that have one".into());
            }
            Some(_) => {}
        }
        keyed |= entry.mask_key.as_deref() != Some("");
        verdict.keyless += usize::from(entry.mask_key.as_deref() == Some(""));
        last = Some((id, hash));
    }
    if let Some(head) = head
        && !chained.iter().any(|e| e.hash.as_deref() == Some(head))
    {
        let id = last.map_or(0, |(id, _)| id);
        fault(id, "no entry has the head that was noted: the end was cut off, or written anew".into());
    }
    verdict.head = last.map(|(id, hash)| (id, hash.to_owned()));
    verdict
}

#[cfg(test)]
mod tests {
    use filters::key::MaskKey;

    use super::*;

    fn key(byte: u8) -> MaskKey {
        MaskKey::new(&[byte; 32]).unwrap()
    }

    fn entry(id: i64, at: &str) -> Recorded {
        Recorded {
            id,
            at: at.into(),
            pipeline: "shop".into(),
            verb: "run".into(),
            os_user: "jane".into(),
            host: "h".into(),
            db_user: "w".into(),
            db_client: "local".into(),
            what: "{}".into(),
            begun: (id % 2 == 0).then_some(id - 1),
            result: (id % 2 == 0).then(|| "done".into()),
            policy: Some("p".into()),
            mask_key: None,
            previous: None,
            hash: None,
        }
    }

    fn old(id: i64) -> Recorded {
        Recorded { verb: "masks try --real-key".into(), ..entry(id, "2026") }
    }

    /// So many entries of an earlier version, and so many behind them.
    fn chained(before: i64, n: i64, chain: &Chain) -> Vec<Recorded> {
        let mut all: Vec<Recorded> = (1..=before).map(|id| old(2 * id)).collect();
        let mut previous = chain.seal(&all);
        let first = all.last().map_or(1, |e| e.id + 1);
        for id in first..first + n {
            // a clock that jumps: each is earlier than the one before
            let mut e = entry(id, &format!("{}", 3000 - id));
            (e.mask_key, e.previous) = (Some(chain.id().to_owned()), Some(previous));
            let hash = chain.hash(&e);
            (e.hash, previous) = (Some(hash.clone()), hash);
            all.push(e);
        }
        all
    }

    fn found(entries: &[Recorded]) -> Vec<(i64, String)> {
        let chains = [Chain::new(Some(&key(1)))];
        verify(entries, &chains, None).faults.into_iter().map(|f| (f.id, f.what)).collect()
    }

    fn places(entries: &[Recorded]) -> Vec<i64> {
        let mut places: Vec<i64> = found(entries).into_iter().map(|(id, _)| id).collect();
        places.dedup();
        places
    }

    #[test]
    fn what_is_as_it_was_written_is_found_so_whatever_the_clock_does() {
        let chain = Chain::new(Some(&key(1)));
        for before in [0, 1, 3] {
            let all = chained(before, 5, &chain);
            let verdict = verify(&all, &[Chain::new(Some(&key(1)))], all.last().and_then(|e| e.hash.as_deref()));
            assert_eq!((verdict.faults.len(), verdict.before, verdict.keyless), (0, before as usize, 0), "{verdict:?}");
        }
        assert_eq!(verify(&[], &[], None), Verdict::default());
    }

    #[test]
    fn each_edit_is_found_where_it_is() {
        let all = chained(0, 5, &Chain::new(Some(&key(1))));
        type Edit = fn(&mut Recorded);
        let edits: [Edit; 14] = [
            |e| e.at = "2027".into(),
            |e| e.pipeline = "other".into(),
            |e| e.verb = "resync".into(),
            |e| e.os_user = "joe".into(),
            |e| e.host = "i".into(),
            |e| e.db_user = "v".into(),
            |e| e.db_client = "10.0.0.1".into(),
            |e| e.what = "{\"a\": 1}".into(),
            |e| e.begun = Some(9),
            |e| e.result = Some("done ".into()),
            |e| e.policy = None,
            |e| e.mask_key = Some(String::new()),
            |e| e.previous = Some(String::new()),
            |e| e.hash = Some("00".into()),
        ];
        for (i, edit) in edits.iter().enumerate() {
            let mut all = all.clone();
            edit(&mut all[2]);
            let places = places(&all);
            assert!(places == [3] || places == [3, 4], "{i}: {places:?}");
        }
        let mut moved = all.clone();
        moved[4].id = 7;
        assert_eq!(places(&moved), [7]);
    }

    #[test]
    fn what_is_missing_exchanged_or_put_in_is_found() {
        let chain = Chain::new(Some(&key(1)));
        let all = chained(2, 5, &chain);
        let without = |i: usize| {
            let mut all = all.clone();
            all.remove(i);
            all
        };
        // before the chain; its first; amid it
        assert_eq!(places(&without(0)), [5]);
        assert_eq!(places(&without(2)), [6]);
        assert_eq!(found(&without(4))[0], (8, "entry 7 is missing".into()));
        assert_eq!(found(&without(6)), [], "of its end nobody can tell");
        let head = all.last().and_then(|e| e.hash.clone());
        let cut = verify(&without(6), &[Chain::new(Some(&key(1)))], head.as_deref());
        assert_eq!((cut.faults.len(), cut.faults[0].id), (1, 8), "{cut:?}");
        let mut exchanged = all.clone();
        exchanged.swap(3, 4);
        (exchanged[3].id, exchanged[4].id) = (6, 7);
        assert_eq!(places(&exchanged), [6, 7, 8]);
        let mut put_in = all.clone();
        put_in.push(Recorded { hash: None, ..entry(10, "2026") });
        assert_eq!(places(&put_in), [10]);
        put_in.insert(0, old(1));
        assert_eq!(places(&put_in), [5, 10]);
        // a chain that is made to look as if it had never been one
        let stripped: Vec<_> = all.iter().cloned().map(|e| Recorded { hash: None, ..e }).collect();
        assert_eq!(places(&stripped), [5, 6, 7, 8, 9]);
    }

    #[test]
    fn who_has_no_key_makes_no_chain() {
        // made anew without the key, to the end, after an entry was changed
        let chain = Chain::new(Some(&key(1)));
        let mut all = chained(0, 3, &chain);
        let forged = chained(0, 3, &Chain::new(None));
        all[1] = forged[1].clone();
        all[2] = forged[2].clone();
        assert_eq!(places(&all), [2, 3]);
        // as a whole it is a chain, and what it is worth is said
        let verdict = verify(&forged, &[chain, Chain::new(None)], None);
        assert_eq!((verdict.faults.len(), verdict.keyless), (0, 3));
        // under another masking key
        let other = chained(0, 2, &Chain::new(Some(&key(2))));
        assert_eq!(places(&other), [1, 2]);
        assert_eq!(verify(&other, &[Chain::new(Some(&key(1))), Chain::new(Some(&key(2)))], None).faults, []);
    }
}
