//! `tls-server-end-point`: the hash of the server's certificate that SCRAM is bound to ([RFC 5929, 4.1][rfc]).
//!
//! [rfc]: https://www.rfc-editor.org/rfc/rfc5929#section-4.1

use rustls::crypto::{hash::Hash, ring::cipher_suite};

/// The hash of a DER certificate under the hash of its own signature (SHA-256 for MD5 and SHA-1); `None` where that
/// is not a hash we have (SHA-512, RSA-PSS, Ed25519): SCRAM then goes without binding.
pub(crate) fn server_end_point(certificate: &[u8]) -> Option<Vec<u8>> {
    Some(hash_for(signature_algorithm(certificate)?)?.hash(certificate).as_ref().to_vec())
}

fn hash_for(oid: &[u8]) -> Option<&'static dyn Hash> {
    let sha256 = cipher_suite::TLS13_AES_128_GCM_SHA256.tls13()?.common.hash_provider;
    let sha384 = cipher_suite::TLS13_AES_256_GCM_SHA384.tls13()?.common.hash_provider;
    match oid {
        // 1.2.840.113549.1.1: md5, sha1, sha256, sha384 with RSA
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 4 | 5 | 11] => Some(sha256),
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 12] => Some(sha384),
        // 1.2.840.10045.4: ECDSA with sha1, sha256, sha384
        [0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 1] | [0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2] => Some(sha256),
        [0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 3] => Some(sha384),
        _ => None,
    }
}

/// `Certificate ::= SEQUENCE { tbsCertificate SEQUENCE, signatureAlgorithm SEQUENCE { OID, … }, … }`
fn signature_algorithm(certificate: &[u8]) -> Option<&[u8]> {
    let (certificate, _) = value(0x30, certificate)?;
    let (_, rest) = value(0x30, certificate)?;
    let (algorithm, _) = value(0x30, rest)?;
    value(0x06, algorithm).map(|(oid, _)| oid)
}

/// One DER value of this tag, and what follows it.
fn value(tag: u8, der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&[found, length], rest) = der.split_first_chunk::<2>()?;
    if found != tag {
        return None;
    }
    if length < 0x80 {
        return rest.split_at_checked(usize::from(length));
    }
    let (length, rest) = rest.split_at_checked(usize::from(length & 0x7f))?;
    let length = length.iter().try_fold(0_usize, |sum, b| sum.checked_mul(256)?.checked_add(usize::from(*b)))?;
    rest.split_at_checked(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn algorithm_of_real_certificates() {
        for (algorithm, size) in [
            (&rcgen::PKCS_ECDSA_P256_SHA256, Some(32)),
            (&rcgen::PKCS_ECDSA_P384_SHA384, Some(48)),
            (&rcgen::PKCS_ED25519, None),
        ] {
            let key = rcgen::KeyPair::generate_for(algorithm).unwrap();
            let certificate = rcgen::CertificateParams::new(["db".to_string()]).unwrap().self_signed(&key).unwrap();
            assert_eq!(server_end_point(certificate.der()).map(|hash| hash.len()), size);
        }
        assert_eq!(server_end_point(&[0x30, 0x84, 0xff, 0xff, 0xff, 0xff]), None);
        assert_eq!(server_end_point(&[]), None);
    }
}
