//! What each mask makes of fixed values under a fixed key. A difference here means that every masked value of every user
//! changes with the next release, and that keys which stand on their targets are orphaned: give the mask the next
//! [`version`](filters::mask::Kind::version), if you must.
//!
//! `GOLDEN=write cargo test -p filters --test masks golden` fills in the outputs of inputs that have none, and writes the
//! others anew only where the mask has another version or other parameters than the file says.
//!
//! Files hold `input<TAB>output` lines; the first line says the mask; `#` begins a comment.

use filters::key::MaskKey;

use super::trial::Trial;
use super::trials;

/// The key of all vectors: 32 bytes, 0 to 31.
fn key() -> MaskKey {
    let bytes: Vec<u8> = (0..32).collect();
    MaskKey::new(&bytes).unwrap()
}

#[test]
fn key_id() {
    assert_eq!(key().id(), "b5c759d4ffea61ae");
}

#[test]
fn vectors() {
    trials().iter().for_each(check);
}

#[test]
fn every_file_is_some_masks() {
    let known: Vec<_> = trials().iter().filter_map(|t| t.golden).map(|file| format!("{file}.txt")).collect();
    for entry in std::fs::read_dir(format!("{}/tests/golden", env!("CARGO_MANIFEST_DIR"))).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(known.contains(&name), "{name} belongs to no trial");
    }
}

fn check(trial: &Trial) {
    let Some(file) = trial.golden else { return };
    let path = format!("{}/tests/golden/{file}.txt", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_default();
    let mask = trial.made_for(&trial.column, &key(), trial.domain).unwrap();
    let title = format!("#! {}", trial.spec.describe());
    let (old_title, body) = match text.split_once('\n') {
        Some((first, body)) if first.starts_with("#!") => (first, body),
        _ => ("", text.as_str()),
    };
    let (mut now, mut changed, mut vectors) = (format!("{title}\n"), Vec::new(), 0);
    for line in body.lines() {
        if line.starts_with('#') {
            now += &format!("{line}\n");
            continue;
        }
        let (input, was) = line.split_once('\t').map_or((line, None), |(input, was)| (input, Some(was)));
        let output = mask.outcome(input.as_bytes(), vectors);
        let output = output.map_or("NULL".into(), |out| String::from_utf8(out).unwrap());
        if was.is_some_and(|was| was != output) {
            changed.push(input.to_owned());
        }
        vectors += 1;
        now += &format!("{input}\t{output}\n");
    }
    assert!(vectors > 0, "{file} has no vectors");
    let rewrites = title != old_title;
    assert!(changed.is_empty() || rewrites, "{file}: {changed:?} come out otherwise than before under one version");
    if std::env::var_os("GOLDEN").is_some_and(|v| v == "write") {
        std::fs::write(&path, &now).unwrap();
        return;
    }
    assert_eq!(now, text, "{file}");
}
