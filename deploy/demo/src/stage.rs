//! What the watcher sees: a heading for each act, and lines with the time at which they were true.

use std::io::{IsTerminal, Write};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// When the curtain went up.
fn curtain() -> Instant {
    static START: OnceLock<Instant> = OnceLock::new();
    *START.get_or_init(Instant::now)
}

fn terminal() -> bool {
    std::io::stdout().is_terminal()
}

/// A heading.
pub fn act(number: u32, title: &str) {
    curtain();
    let (bold, plain) =
        if terminal() && std::env::var_os("NO_COLOR").is_none() { ("\x1b[1m", "\x1b[0m") } else { ("", "") };
    println!("\n{bold}{number}  {title}{plain}");
}

/// A line, with the seconds since the beginning.
pub fn say(line: impl AsRef<str>) {
    clear();
    let time = format!("{:.1} s", curtain().elapsed().as_secs_f64());
    println!("{time:>9}   {}", line.as_ref());
}

/// A line that belongs to the one above.
pub fn more(line: impl AsRef<str>) {
    clear();
    println!("{:>9}   {}", "", line.as_ref());
}

/// On a terminal, a line that the next one replaces; ten a second are enough for anybody.
pub fn passing(line: impl AsRef<str>) {
    static LAST: AtomicU64 = AtomicU64::new(0);
    let tenth = (curtain().elapsed().as_millis() / 100) as u64 + 1;
    if terminal() && LAST.swap(tenth, Ordering::Relaxed) != tenth {
        let time = format!("{:.1} s", curtain().elapsed().as_secs_f64());
        print!("\r\x1b[K{time:>9}   {}", line.as_ref());
        let _ = std::io::stdout().flush();
    }
}

/// Takes a passing line away.
pub fn clear() {
    if terminal() {
        print!("\r\x1b[K");
        let _ = std::io::stdout().flush();
    }
}

/// 1234567 as `1,234,567`.
pub fn count(n: impl TryInto<u64>) -> String {
    let digits = n.try_into().unwrap_or(0).to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `38 ms`, `1.4 s`.
pub fn time(duration: Duration) -> String {
    match duration.as_millis() {
        ms @ 0..1000 => format!("{ms} ms"),
        _ => format!("{:.1} s", duration.as_secs_f64()),
    }
}
