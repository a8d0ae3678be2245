//! One file of a backup: compressed, encrypted, counted, and what its checksum is.
//!
//! The format: [`MAGIC`], 32 random bytes, then ChaCha20-Poly1305 by STREAM (`aead-stream`), in segments of 64 KiB, of what zstd makes of COPY's text. Each file has
//! a key of its own: BLAKE3 under the backup's key, of the random bytes and of what the file is (backup, table, columns). So no
//! nonce comes twice, and a file that is cut, changed, or laid where another was is no file.

use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::path::Path;

use aead_stream::{DecryptorBE32, EncryptorBE32};
use chacha20poly1305::{ChaCha20Poly1305, Key as FileKey};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

const MAGIC: &[u8] = b"sluice backup 1\n";
/// Bytes in clear of each segment but the last.
const SEGMENT: usize = 64 << 10;
/// Poly1305's.
const TAG: usize = 16;

/// What backups are encrypted under. `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Key(Zeroizing<[u8; 32]>);

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl Key {
    /// From 32 random bytes or more.
    pub fn new(bytes: &[u8]) -> Key {
        Key(Zeroizing::new(blake3::derive_key("sluice backup: the key", bytes)))
    }

    /// Tells keys apart, and says nothing of them.
    pub fn id(&self) -> String {
        blake3::derive_key("sluice backup: id of the key", &*self.0)
            .iter()
            .take(4)
            .map(|b| format!("{b:02x}"))
            .collect()
    }

    fn of_file(&self, salt: &[u8; 32], what: &str) -> FileKey {
        let mut hash = blake3::Hasher::new_keyed(&self.0);
        hash.update(MAGIC).update(salt).update(what.as_bytes());
        FileKey::from(*hash.finalize().as_bytes())
    }
}

/// A file that is being written.
pub struct Sealing(zstd::Encoder<'static, Encrypting>);

/// What was written.
pub struct Sealed {
    /// Of the file.
    pub bytes: u64,
    /// Of the file.
    pub sha256: String,
}

impl Sealing {
    /// Into a new file. `what`: which file of which backup it is.
    pub fn begin(file: File, key: &Key, what: &str) -> io::Result<Sealing> {
        let mut salt = [0; 32];
        File::open("/dev/urandom")?.read_exact(&mut salt)?;
        let mut to = Hashed { file: BufWriter::with_capacity(SEGMENT, file), hash: Sha256::new(), bytes: 0 };
        to.write_all(MAGIC)?;
        to.write_all(&salt)?;
        let stream = EncryptorBE32::<ChaCha20Poly1305>::new(&key.of_file(&salt, what), &[0; 7].into());
        Ok(Sealing(zstd::Encoder::new(Encrypting { to, stream, clear: Zeroizing::default() }, 0)?))
    }

    /// More of it.
    pub fn write(&mut self, data: &[u8]) -> io::Result<()> {
        self.0.write_all(data)
    }

    /// All of it is there, and on disk.
    pub fn finish(self) -> io::Result<Sealed> {
        let Encrypting { mut to, stream, clear } = self.0.finish()?;
        to.write_all(&stream.encrypt_last(clear.as_slice()).map_err(|_| broken())?)?;
        let Hashed { file, hash, bytes } = to;
        file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
        Ok(Sealed { bytes, sha256: hex(hash) })
    }
}

/// Reads a file in clear. An error is one of the disk, or of a file that is not as it was written.
pub fn open(path: &Path, key: &Key, what: &str) -> io::Result<impl Read + use<>> {
    let mut from = BufReader::with_capacity(SEGMENT, File::open(path)?);
    let (mut magic, mut salt) = ([0; MAGIC.len()], [0; 32]);
    from.read_exact(&mut magic)?;
    from.read_exact(&mut salt)?;
    if magic != MAGIC {
        return Err(broken());
    }
    let stream = DecryptorBE32::<ChaCha20Poly1305>::new(&key.of_file(&salt, what), &[0; 7].into());
    let mut decrypting = Decrypting { from, stream: Some(stream), clear: Zeroizing::default(), given: 0 };
    // another key is told before anything is done
    decrypting.next()?;
    zstd::Decoder::new(decrypting)
}

/// The checksum of a file as it is now.
pub fn checksum(path: &Path) -> io::Result<String> {
    let (mut file, mut hash, mut buffer) = (File::open(path)?, Sha256::new(), vec![0; SEGMENT]);
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

fn broken() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "it is not as it was written under this key")
}

struct Encrypting {
    to: Hashed,
    stream: EncryptorBE32<ChaCha20Poly1305>,
    clear: Zeroizing<Vec<u8>>,
}

impl Write for Encrypting {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        // a full one goes only when more comes: the last is marked as the last
        if self.clear.len() == SEGMENT {
            let sealed = self.stream.encrypt_next(self.clear.as_slice()).map_err(|_| broken())?;
            self.to.write_all(&sealed)?;
            self.clear.clear();
        }
        let n = data.len().min(SEGMENT - self.clear.len());
        self.clear.extend_from_slice(data.get(..n).unwrap_or_default());
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

struct Decrypting {
    from: BufReader<File>,
    /// `None`: the last segment was read.
    stream: Option<DecryptorBE32<ChaCha20Poly1305>>,
    clear: Zeroizing<Vec<u8>>,
    given: usize,
}

impl Decrypting {
    fn next(&mut self) -> io::Result<()> {
        let Some(mut stream) = self.stream.take() else { return Ok(()) };
        let mut sealed = Vec::with_capacity(SEGMENT + TAG);
        self.from.by_ref().take((SEGMENT + TAG) as u64).read_to_end(&mut sealed)?;
        self.given = 0;
        if self.from.fill_buf()?.is_empty() {
            self.clear = Zeroizing::new(stream.decrypt_last(sealed.as_slice()).map_err(|_| broken())?);
        } else {
            self.clear = Zeroizing::new(stream.decrypt_next(sealed.as_slice()).map_err(|_| broken())?);
            self.stream = Some(stream);
        }
        Ok(())
    }
}

impl Read for Decrypting {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.given == self.clear.len() && self.stream.is_some() {
            self.next()?;
        }
        let n = self.clear.get(self.given..).unwrap_or_default().read(into)?;
        self.given += n;
        Ok(n)
    }
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

    fn key(of: u8) -> Key {
        Key::new(&[of; 32])
    }

    fn read(path: &Path, key: &Key, what: &str) -> io::Result<Vec<u8>> {
        let mut read = Vec::new();
        open(path, key, what)?.read_to_end(&mut read)?;
        Ok(read)
    }

    /// Compresses to little.
    fn rows(n: usize) -> Vec<u8> {
        b"1\tsecret\n".repeat(n)
    }

    /// Does not compress.
    fn noise(n: usize) -> Vec<u8> {
        let mut noise = vec![0; n];
        blake3::Hasher::new().finalize_xof().fill(&mut noise);
        noise
    }

    #[test]
    fn what_goes_in_comes_out_and_nothing_else_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        for clear in [rows(0), rows(1), rows(100_000), noise(SEGMENT - 20), noise(SEGMENT), noise(3 * SEGMENT + 5)] {
            let mut sealing = Sealing::begin(File::create(&path).unwrap(), &key(1), "a").unwrap();
            clear.chunks(1000).for_each(|chunk| sealing.write(chunk).unwrap());
            let sealed = sealing.finish().unwrap();
            assert_eq!((sealed.bytes, &sealed.sha256), (path.metadata().unwrap().len(), &checksum(&path).unwrap()));
            assert!(read(&path, &key(1), "a").unwrap() == clear);
            assert!(read(&path, &key(2), "a").is_err(), "another key");
            assert!(read(&path, &key(1), "b").is_err(), "another file's place");
            let bytes = std::fs::read(&path).unwrap();
            assert!(memchr::memmem::find(&bytes, b"secret").is_none());
            let head = MAGIC.len() + 32;
            let mut bad = vec![bytes[..bytes.len() - 1].to_vec(), bytes[..head].to_vec(), bytes[1..].to_vec()];
            for at in [0, MAGIC.len(), head, bytes.len() / 2, bytes.len() - 1] {
                bad.push(bytes.clone());
                bad.last_mut().unwrap()[at] ^= 1;
            }
            if bytes.len() > head + 2 * (SEGMENT + TAG) {
                // cut between two segments; the first two exchanged
                bad.push(bytes[..head + SEGMENT + TAG].to_vec());
                let (one, two) = (head + SEGMENT + TAG, head + 2 * (SEGMENT + TAG));
                bad.push([&bytes[..head], &bytes[one..two], &bytes[head..one], &bytes[two..]].concat());
            }
            for (n, bad) in bad.iter().enumerate() {
                std::fs::write(&path, bad).unwrap();
                assert!(read(&path, &key(1), "a").is_err(), "{n} of {}", clear.len());
            }
        }
    }

    #[test]
    fn a_key_is_told_from_another_and_not_shown() {
        assert!(key(1).id() == key(1).id() && key(1).id() != key(2).id() && key(1).id().len() == 8);
        assert_eq!(format!("{:?}", key(1)), "***");
    }
}
