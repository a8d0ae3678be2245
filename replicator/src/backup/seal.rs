//! One file of a backup: compressed, encrypted, counted, and what its checksum is.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::Path;

use age::secrecy::ExposeSecret;
use age::stream::StreamWriter;
use age::x25519::{Identity, Recipient};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// Reads a public key; the error says what is wrong with it.
pub fn recipient(text: &str) -> Result<Recipient, &'static str> {
    let text = text.trim();
    if text.starts_with("AGE-SECRET-KEY-") {
        return Err("that is the secret half: whoever has this file could read every backup");
    }
    text.parse()
}

/// The secret half, which only a restore needs. Shown to nobody.
pub struct Key(Identity);

impl Key {
    /// Reads it out of what `backup key` or `age-keygen` have written: lines with a `#` are for people.
    pub fn read(text: &str) -> Result<Key, &'static str> {
        let mut keys = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        match (keys.next(), keys.next()) {
            (Some(line), None) => line.parse().map(Key).map_err(|_| "no age identity (AGE-SECRET-KEY-1…)"),
            (None, _) => Err("empty"),
            _ => Err("more than one line that is no comment"),
        }
    }

    /// Its public half.
    pub fn recipient(&self) -> String {
        self.0.to_public().to_string()
    }
}

/// A new pair: the secret half, and the public one.
pub fn make_key() -> (Zeroizing<String>, String) {
    let key = Identity::generate();
    (Zeroizing::new(key.to_string().expose_secret().to_owned()), key.to_public().to_string())
}

/// A file that is being written.
pub struct Sealing(zstd::Encoder<'static, StreamWriter<Hashed>>);

/// What was written.
pub struct Sealed {
    /// Of the file.
    pub bytes: u64,
    /// Of the file.
    pub sha256: String,
}

impl Sealing {
    /// Into a new file.
    pub fn begin(file: File, to: &Recipient) -> io::Result<Sealing> {
        let to: &dyn age::Recipient = to;
        let encryptor = age::Encryptor::with_recipients(std::iter::once(to)).map_err(io::Error::other)?;
        let hashed = Hashed { file: BufWriter::with_capacity(1 << 16, file), hash: Sha256::new(), bytes: 0 };
        Ok(Sealing(zstd::Encoder::new(encryptor.wrap_output(hashed)?, 0)?))
    }

    /// More of it.
    pub fn write(&mut self, data: &[u8]) -> io::Result<()> {
        self.0.write_all(data)
    }

    /// All of it is there, and on disk.
    pub fn finish(self) -> io::Result<Sealed> {
        let Hashed { file, hash, bytes } = self.0.finish()?.finish()?;
        file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
        Ok(Sealed { bytes, sha256: hex(hash) })
    }
}

/// Reads a file in clear. An error is one of the disk, of the key, or of a file that is not as it was written.
pub fn open(path: &Path, key: &Key) -> io::Result<impl Read + use<>> {
    let identity: &dyn age::Identity = &key.0;
    let sealed =
        age::Decryptor::new_buffered(BufReader::with_capacity(1 << 16, File::open(path)?)).map_err(io::Error::other)?;
    zstd::Decoder::new(sealed.decrypt(std::iter::once(identity)).map_err(io::Error::other)?)
}

/// The checksum of a file as it is now.
pub fn checksum(path: &Path) -> io::Result<String> {
    let (mut file, mut hash, mut buffer) = (File::open(path)?, Sha256::new(), vec![0; 1 << 16]);
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hex(hash)),
            n => hash.update(buffer.get(..n).unwrap_or_default()),
        }
    }
}

fn hex(hash: Sha256) -> String {
    hash.finalize().iter().map(|b| format!("{b:02x}")).collect()
}

struct Hashed {
    file: BufWriter<File>,
    hash: Sha256,
    bytes: u64,
}

impl Write for Hashed {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        let n = self.file.write(data)?;
        self.hash.update(data.get(..n).unwrap_or_default());
        self.bytes += n as u64;
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealed(dir: &Path, of: &[u8], to: &str) -> std::path::PathBuf {
        let path = dir.join("f");
        let mut sealing = Sealing::begin(File::create(&path).unwrap(), &recipient(to).unwrap()).unwrap();
        of.chunks(1000).for_each(|chunk| sealing.write(chunk).unwrap());
        let sealed = sealing.finish().unwrap();
        assert_eq!((sealed.bytes, &sealed.sha256), (path.metadata().unwrap().len(), &checksum(&path).unwrap()));
        path
    }

    #[test]
    fn what_goes_in_comes_out_and_nobody_else_reads_it() {
        let dir = tempfile::tempdir().unwrap();
        let (secret, public) = make_key();
        let key = Key::read(&format!("# made\n\n{}\n", secret.as_str())).unwrap();
        assert_eq!(key.recipient(), public);
        let rows = b"1\tsecret\n".repeat(100_000);
        let path = sealed(dir.path(), &rows, &public);
        let mut read = Vec::new();
        open(&path, &key).unwrap().read_to_end(&mut read).unwrap();
        assert!(read == rows);
        let bytes = std::fs::read(&path).unwrap();
        assert!(bytes.len() < rows.len() / 10 && memchr::memmem::find(&bytes, b"secret").is_none());
        let other = Key::read(&make_key().0).unwrap();
        assert!(open(&path, &other).is_err());
        // cut, or changed
        for (n, bad) in [bytes[..bytes.len() - 1].to_vec(), bytes[..bytes.len() / 2].to_vec(), {
            let mut bad = bytes.clone();
            bad[bytes.len() - 5] ^= 1;
            bad
        }]
        .iter()
        .enumerate()
        {
            std::fs::write(&path, bad).unwrap();
            let read = open(&path, &key).and_then(|mut file| file.read_to_end(&mut Vec::new()));
            assert!(read.is_err(), "{n}");
        }
    }

    #[test]
    fn keys_are_told_apart() {
        let (secret, public) = make_key();
        assert!(recipient(&public).is_ok() && recipient(&secret).unwrap_err().contains("secret half"));
        assert!(Key::read(&public).is_err() && Key::read("").is_err());
        assert!(Key::read(&format!("{}\n{}", secret.as_str(), secret.as_str())).is_err());
    }
}
