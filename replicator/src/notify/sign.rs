//! The signature of a webhook's body, after Standard Webhooks (<https://www.standardwebhooks.com>): receivers have libraries for it.
//!
//! HMAC-SHA256 over `id.timestamp.body`, in base64 behind `v1,`. The timestamp is of the attempt, so that a receiver can refuse what somebody sends
//! again later; the id is that of the event, so that he knows one that comes twice.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

/// Fewer bytes than this can be guessed.
pub(crate) const LEAST: usize = 24;

/// The key of a secret as it is typed: `whsec_` and base64, else the text's own bytes.
pub(crate) fn key(secret: &str) -> Result<Zeroizing<Vec<u8>>, &'static str> {
    let key = match secret.strip_prefix("whsec_") {
        Some(rest) => STANDARD.decode(rest).map_err(|_| "whsec_ and something that is no base64")?,
        None => secret.as_bytes().to_vec(),
    };
    if key.len() < LEAST { Err("fewer than 24 bytes") } else { Ok(Zeroizing::new(key)) }
}

/// What stands in `webhook-signature`. `timestamp`: seconds since 1970.
pub(super) fn signature(key: &[u8], id: &str, timestamp: u64, body: &[u8]) -> String {
    // any length is a key
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return String::new() };
    mac.update(format!("{id}.{timestamp}.").as_bytes());
    mac.update(body);
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From the libraries of Standard Webhooks.
    #[test]
    fn it_is_what_others_make_of_it() {
        let key = key("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let body = br#"{"test": 2432232314}"#;
        let made = signature(&key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body);
        assert_eq!(made, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        assert_ne!(signature(&key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_331, body), made);
    }

    #[test]
    fn a_short_secret_is_refused() {
        assert!(key("short").is_err() && key("whsec_c2hvcnQ=").is_err() && key("whsec_!").is_err());
        assert!(key(&"x".repeat(LEAST)).is_ok());
    }
}
