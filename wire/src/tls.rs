//! TLS by rustls with ring: what each `sslmode` verifies ([SSL Support][m]).
//!
//! Unlike libpq, a host is matched against the subject alternative names only, never the common name.
//!
//! [m]: https://www.postgresql.org/docs/current/libpq-ssl.html

use std::{path::Path, sync::Arc};

use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, ring},
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem::PemObject},
};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::{
    conninfo::{Conninfo, RootCert, SslMode},
    error::Error,
};

/// Wraps a socket on which the server has agreed to TLS.
pub(crate) async fn wrap(info: &Conninfo, tcp: TcpStream) -> Result<TlsStream<TcpStream>, Error> {
    let name = ServerName::try_from(info.host().to_string())
        .map_err(|_| config("host: not a name or address that a certificate can hold"))?;
    let connector = TlsConnector::from(Arc::new(client_config(info)?));
    let handshake = connector.connect(name, tcp).await;
    handshake.map_err(|source| Error::io(&format!("TLS handshake with {}", info.endpoint()), source))
}

fn client_config(info: &Conninfo) -> Result<ClientConfig, Error> {
    let provider = Arc::new(ring::default_provider());
    let roots = match (info.ssl_mode, &info.root_cert) {
        (SslMode::Disable | SslMode::Prefer, _) | (SslMode::Require, None) => None,
        (_, Some(RootCert::File(path))) => Some(roots_of_file(path)?),
        (_, Some(RootCert::System) | None) => Some(roots_of_system()?),
    };
    let verifier = Verifier {
        chain: match roots {
            Some(roots) => {
                let builder = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider.clone());
                Some(builder.build().map_err(|e| failed("use the trusted certificates", e))?)
            }
            None => None,
        },
        host_name: info.ssl_mode == SslMode::VerifyFull,
        provider: provider.clone(),
    };
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| failed("set up TLS", e))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier));
    let mut config = match &info.client_cert {
        None => builder.with_no_client_auth(),
        Some((cert, key)) => {
            let action = |what: &str, path: &Path| format!("read {what} {}", path.display());
            let chain = certificates(cert, &action("sslcert", cert))?;
            let key = PrivateKeyDer::from_pem_file(key).map_err(|e| failed(&action("sslkey", key), e))?;
            builder.with_client_auth_cert(chain, key).map_err(|e| failed("use sslcert with sslkey", e))?
        }
    };
    config.alpn_protocols = vec![b"postgresql".to_vec()];
    Ok(config)
}

fn certificates(path: &Path, action: &str) -> Result<Vec<CertificateDer<'static>>, Error> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_file_iter(path).and_then(|certificates| certificates.collect());
    match found {
        Ok(found) if found.is_empty() => Err(config(&format!("{action}: no certificate in it"))),
        Ok(found) => Ok(found),
        Err(e) => Err(failed(action, e)),
    }
}

fn roots_of_file(path: &Path) -> Result<RootCertStore, Error> {
    let action = format!("read sslrootcert {}", path.display());
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path, &action)? {
        roots.add(certificate).map_err(|e| failed(&action, e))?;
    }
    Ok(roots)
}

fn roots_of_system() -> Result<RootCertStore, Error> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        return Err(config("no trusted certificates on this system: give sslrootcert"));
    }
    Ok(roots)
}

/// The answer N to SSLRequest.
#[derive(Debug, thiserror::Error)]
#[error("the server does not support TLS")]
pub(crate) struct NotThere;

fn failed(action: &str, source: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::Tls { action: action.to_string(), source: Some(Box::new(source)) }
}

fn config(text: &str) -> Error {
    Error::Tls { action: text.to_string(), source: None }
}

/// Verifies the chain if there are roots, and the name if that is asked for.
///
/// The handshake's signature is verified in every mode: the peer has the key of the certificate it shows, which is
/// what channel binding builds on.
#[derive(Debug)]
struct Verifier {
    chain: Option<Arc<WebPkiServerVerifier>>,
    host_name: bool,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let Some(chain) = &self.chain else { return Ok(ServerCertVerified::assertion()) };
        match chain.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now) {
            // The name is looked at last, so with this error the chain is good.
            Err(rustls::Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) if !self.host_name => Ok(ServerCertVerified::assertion()),
            verdict => verdict,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
