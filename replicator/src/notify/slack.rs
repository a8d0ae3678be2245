//! An event as Slack shows it: `{"text": …}`, for an incoming webhook (<https://api.slack.com/messaging/webhooks>).

use std::fmt::Write;

use serde_json::{Value, json};

use super::event::{Event, Kind, Sender};

/// Longer texts Slack cuts off.
const LONGEST: usize = 3000;

pub(super) fn body(event: &Event, of: &Sender) -> Value {
    let mark = match event.kind {
        Kind::Held | Kind::Failed => ":red_circle:",
        Kind::Retrying | Kind::Quarantined | Kind::Diverged | Kind::Wal | Kind::Drift => ":large_orange_circle:",
        Kind::CaughtUp | Kind::Resumed | Kind::Finished => ":large_green_circle:",
        Kind::Started | Kind::Stopped | Kind::Test => ":white_circle:",
    };
    let mut text = format!("{mark} *{}*", plain(&of.pipeline));
    if let Some(environment) = &of.environment {
        _ = write!(text, " ({})", plain(environment));
    }
    if !event.half.is_empty() {
        _ = write!(text, " {}", event.half);
    }
    _ = write!(text, " {}", plain(&event.summary));
    if let Some(hint) = event.data.get("hint").and_then(Value::as_str) {
        _ = write!(text, "\nhint: {}", plain(hint));
    }
    if event.suppressed > 0 {
        _ = write!(text, "\n{} more like it before were not told", event.suppressed);
    }
    let text: String = text.chars().take(LONGEST).collect();
    json!({ "text": text })
}

/// The three characters that mean something to Slack: else a name could mention everybody.
fn plain(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_mentioned_by_a_name() {
        let of = Sender { pipeline: "shop".into(), environment: Some("staging".into()), host: "h".into() };
        let event = Event::new(Kind::Held, "apply", "held: <!channel> & co", json!({ "hint": "a > b" }));
        let text = body(&Event { suppressed: 3, ..event }, &of)["text"].as_str().unwrap_or_default().to_owned();
        assert_eq!(
            text,
            ":red_circle: *shop* (staging) apply held: &lt;!channel&gt; &amp; co\nhint: a &gt; b\n3 more like it before were not told"
        );
    }
}
