//! A certificate authority of a test's own, and what it signs.

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    date_time_ymd,
};

/// Signs certificates. A leaf that is its own CA would not do: rustls takes none.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// Its own certificate: what a client trusts.
    pub pem: String,
}

impl Authority {
    /// A new one.
    pub fn new(name: &str) -> Authority {
        let mut params = named(name, &[]);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let pem = params.self_signed(&key).expect("a CA").pem();
        Authority { issuer: Issuer::new(params, key), pem }
    }

    /// Certificate and key of a server of these names.
    pub fn server(&self, hosts: &[&str]) -> (String, String) {
        self.sign(named("server", hosts), ExtendedKeyUsagePurpose::ServerAuth)
    }

    /// The same, and it was valid for the first year of the century only.
    pub fn expired_server(&self, hosts: &[&str]) -> (String, String) {
        let mut params = named("server", hosts);
        (params.not_before, params.not_after) = (date_time_ymd(2001, 1, 1), date_time_ymd(2002, 1, 1));
        self.sign(params, ExtendedKeyUsagePurpose::ServerAuth)
    }

    /// Certificate and key of the role of that name.
    pub fn client(&self, role: &str) -> (String, String) {
        self.sign(named(role, &[role]), ExtendedKeyUsagePurpose::ClientAuth)
    }

    fn sign(&self, mut params: CertificateParams, usage: ExtendedKeyUsagePurpose) -> (String, String) {
        params.extended_key_usages = vec![usage];
        let key = KeyPair::generate().expect("a key");
        (params.signed_by(&key, &self.issuer).expect("a certificate").pem(), key.serialize_pem())
    }
}

fn named(name: &str, hosts: &[&str]) -> CertificateParams {
    let hosts: Vec<String> = hosts.iter().map(ToString::to_string).collect();
    let mut params = CertificateParams::new(hosts).expect("names");
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params
}
