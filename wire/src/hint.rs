//! What mends that a server does not let us in, or that we do not trust it.

use rustls::CertificateError;

use crate::{auth, error::Error, tls};

impl Error {
    /// What mends it, in one sentence, where it is the connection string or a certificate that has to be mended.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Error::Tls { source, .. } => source.as_ref().and_then(|e| handshake(e.as_ref())),
            Error::Auth(text) if text == auth::IN_CLEAR => Some(
                "sslmode=require, or better, sends it under TLS; scram-sha-256 in the server's pg_hba.conf does not send it at all",
            ),
            Error::Auth(text) if text == auth::NO_PASSWORD => Some(
                "in the connection string (password=…), or in ~/.pgpass or passfile=…: host:port:database:role:password",
            ),
            Error::Server(e) => match e.sqlstate.as_str() {
                "28P01" => Some("another password, or another role: ALTER ROLE … PASSWORD …; changes it"),
                "28000" => Some(
                    "pg_hba.conf on the server says who may come in, from where, and whether TLS or a certificate (sslcert, sslkey) is needed",
                ),
                "3D000" => Some("the name of a database that is there: …/database in the URL, dbname=… otherwise"),
                _ => None,
            },
            _ => None,
        }
    }
}

/// What mends a handshake, or what is wanted for one.
fn handshake(cause: &(dyn std::error::Error + 'static)) -> Option<&'static str> {
    if cause.is::<tls::NotThere>() {
        return Some("ssl = on in the server's postgresql.conf; sslmode=disable only where nobody can stand between");
    }
    if cause.is::<rustls::pki_types::pem::Error>() {
        return Some("a file in PEM form that sluice may read; a path is taken from where sluice runs");
    }
    let wrapped = cause.downcast_ref::<std::io::Error>().and_then(|e| e.get_ref());
    let cause = wrapped.and_then(|e| e.downcast_ref()).or_else(|| cause.downcast_ref::<rustls::Error>())?;
    use CertificateError::*;
    Some(match cause {
        rustls::Error::InvalidCertificate(UnknownIssuer | BadSignature) => {
            "sslrootcert must name the certificate of the CA that signed the server's"
        }
        rustls::Error::InvalidCertificate(NotValidForName | NotValidForNameContext { .. }) => {
            "host must be a name in the server's certificate (hostaddr=… may say where that is); or sslmode=verify-ca"
        }
        rustls::Error::InvalidCertificate(Expired | ExpiredContext { .. }) => {
            "the server needs a new certificate, or this machine the right time"
        }
        rustls::Error::InvalidCertificate(NotValidYet | NotValidYetContext { .. }) => {
            "the server's certificate is for later, or this machine's time is wrong"
        }
        rustls::Error::InconsistentKeys(_) => "sslkey must be the key of the certificate in sslcert",
        rustls::Error::AlertReceived(_) => {
            "the server did not take what it was shown: sslcert and sslkey must be of a CA that its ssl_ca_file names"
        }
        _ => return None,
    })
}
