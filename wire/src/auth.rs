//! Proving who we are, and with SCRAM that the server knows us too: [SASL Authentication][m].
//!
//! [m]: https://www.postgresql.org/docs/current/sasl-authentication.html

use bytes::{Buf, Bytes, BytesMut};
use postgres_protocol::{
    authentication::{
        md5_hash,
        sasl::{ChannelBinding as Binding, SCRAM_SHA_256, SCRAM_SHA_256_PLUS, ScramSha256},
    },
    message::frontend,
};

use crate::{Conninfo, conninfo::ChannelBinding, error::Error, message::cstr, passfile};

/// The client's half of the dialogue: takes AuthenticationRequests, gives answers. No socket in it.
pub(crate) struct Dialogue<'a> {
    info: &'a Conninfo,
    /// TLS or a unix socket: a password may go over it as it is.
    private: bool,
    /// `tls-server-end-point`.
    binding: Option<Vec<u8>>,
    scram: Option<ScramSha256>,
    /// The server has proven that it knows the password, and on this channel.
    proven: Proven,
}

#[derive(PartialEq)]
enum Proven {
    NotAsked,
    Open,
    Yes { bound: bool },
}

impl<'a> Dialogue<'a> {
    pub(crate) fn new(info: &'a Conninfo, private: bool, binding: Option<Vec<u8>>) -> Dialogue<'a> {
        Dialogue { info, private, binding, scram: None, proven: Proven::NotAsked }
    }

    /// Answers one AuthenticationRequest into `out`; true when it was AuthenticationOk.
    pub(crate) fn answer(&mut self, mut body: Bytes, out: &mut BytesMut) -> Result<bool, Error> {
        let kind = body.try_get_u32().map_err(|_| Error::Protocol("an authentication request is cut"))?;
        match kind {
            0 => self.end().map(|()| true),
            3 if !self.private => Err(auth(IN_CLEAR)),
            3 => self.send_password(self.password()?.as_bytes(), out),
            5 => {
                let salt = body.first_chunk::<4>().ok_or(Error::Protocol("a salt is cut"))?;
                let hash = md5_hash(self.info.user().as_bytes(), self.password()?.as_bytes(), *salt);
                self.send_password(hash.as_bytes(), out)
            }
            10 => self.scram_first(body, out),
            11 => {
                let scram = self.scram.as_mut().ok_or(Error::Protocol("SASL out of order"))?;
                scram.update(&body).map_err(|_| auth("SCRAM: the server's first answer is not valid"))?;
                frontend::sasl_response(scram.message(), out).map_err(|_| Error::Protocol("SASL response"))?;
                Ok(false)
            }
            12 => {
                let mut scram = self.scram.take().ok_or(Error::Protocol("SASL out of order"))?;
                scram.finish(&body).map_err(|_| auth("SCRAM: the server did not prove that it knows the password"))?;
                self.proven = Proven::Yes { bound: self.binding.is_some() };
                Ok(false)
            }
            7..=9 => Err(auth("the server asks for GSSAPI or SSPI, which is not supported: use scram-sha-256 or cert")),
            _ => Err(auth("the server asks for an authentication that is not known here: use scram-sha-256")),
        }
    }

    fn end(&self) -> Result<(), Error> {
        match (&self.proven, self.info.channel_binding) {
            (Proven::Open, _) => Err(auth("SCRAM: the server let us in without proving that it knows the password")),
            (Proven::Yes { bound: true }, _) | (_, ChannelBinding::Disable | ChannelBinding::Prefer) => Ok(()),
            (_, ChannelBinding::Require) => Err(auth(NOT_BOUND)),
        }
    }

    fn scram_first(&mut self, mut body: Bytes, out: &mut BytesMut) -> Result<bool, Error> {
        let (mut plain, mut plus) = (false, false);
        while let Some(name) = cstr(&mut body).filter(|name| !name.is_empty()) {
            plain |= name == SCRAM_SHA_256.as_bytes();
            plus |= name == SCRAM_SHA_256_PLUS.as_bytes();
        }
        if self.info.channel_binding == ChannelBinding::Disable {
            self.binding = None;
        }
        let (mechanism, binding) = match &self.binding {
            Some(hash) if plus => (SCRAM_SHA_256_PLUS, Binding::tls_server_end_point(hash.clone())),
            // We could, the server offers none: said under its signature, so that nobody between us took the offer away.
            Some(_) if plain => (SCRAM_SHA_256, Binding::unrequested()),
            None if plain => (SCRAM_SHA_256, Binding::unsupported()),
            _ => return Err(auth("the server offers no SASL mechanism that is known here: use scram-sha-256")),
        };
        if mechanism != SCRAM_SHA_256_PLUS {
            if self.info.channel_binding == ChannelBinding::Require {
                return Err(auth(NOT_BOUND));
            }
            self.binding = None;
        }
        let scram = ScramSha256::new(self.password()?.as_bytes(), binding);
        frontend::sasl_initial_response(mechanism, scram.message(), out)
            .map_err(|_| Error::Protocol("SASL response"))?;
        self.scram = Some(scram);
        self.proven = Proven::Open;
        Ok(false)
    }

    fn send_password(&self, password: &[u8], out: &mut BytesMut) -> Result<bool, Error> {
        if self.info.channel_binding == ChannelBinding::Require {
            return Err(auth(NOT_BOUND));
        }
        frontend::password_message(password, out).map_err(|_| auth("password: holds a NUL byte"))?;
        Ok(false)
    }

    fn password(&self) -> Result<String, Error> {
        passfile::password(self.info).ok_or_else(|| auth(NO_PASSWORD))
    }
}

pub(crate) const NO_PASSWORD: &str = "the server asks for a password, and none is given";
pub(crate) const IN_CLEAR: &str = "the server asks for the password in clear, and this connection has no TLS";
const NOT_BOUND: &str = "channel_binding=require: the server did not bind the authentication to TLS";

fn auth(text: &str) -> Error {
    Error::Auth(text.to_string())
}
