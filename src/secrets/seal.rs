//! Streams that are encrypted for keys of age, and opened again.

use std::io::{self, BufReader, Read, Write};
use std::str::FromStr;

use age::stream::{StreamReader, StreamWriter};
use age::x25519::Recipient;
use age::{DecryptError, Decryptor, Encryptor};

use crate::secrets::keyring::Keyring;

/// Encrypts what is written to it. Without [`Sealed::finish`] its end is missing, and it cannot be opened.
pub struct Sealed<W: Write>(StreamWriter<W>);

impl<W: Write> std::fmt::Debug for Sealed<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sealed")
    }
}

impl<W: Write> Sealed<W> {
    /// Encrypts for public keys (`age1…`).
    ///
    /// # Errors
    /// One of them is none, there are none, or `output` cannot be written.
    pub fn new(recipients: &[String], output: W) -> io::Result<Self> {
        let wrong = |text: String| io::Error::new(io::ErrorKind::InvalidInput, text);
        let keys = recipients.iter().map(|text| {
            Recipient::from_str(text)
                .map_err(|why| wrong(format!("{text} is no key of age: {why}")))
        });
        let keys: Vec<Recipient> = keys.collect::<io::Result<_>>()?;
        let keys = keys.iter().map(|key| key as &dyn age::Recipient);
        let encryptor = Encryptor::with_recipients(keys)
            .map_err(|why| wrong(format!("cannot be encrypted: {why}")))?;
        Ok(Self(encryptor.wrap_output(output)?))
    }

    /// Writes the end.
    ///
    /// # Errors
    /// The output cannot be written.
    pub fn finish(self) -> io::Result<W> {
        self.0.finish()
    }
}

impl<W: Write> Write for Sealed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Opens what [`Sealed`] wrote. Reading fails where it was changed or cut.
///
/// # Errors
/// What to do about it: it is no file of age, or none of the keys opens it.
pub fn unseal<R: Read>(keys: &Keyring, input: R) -> Result<StreamReader<BufReader<R>>, String> {
    let decryptor = Decryptor::new_buffered(BufReader::new(input))
        .map_err(|_| "it is no file of age".to_owned())?;
    decryptor.decrypt(keys.identities()).map_err(|error| match error {
        DecryptError::NoMatchingKeys => {
            let problems = keys.problems().join("; ");
            let known = keys.recipients().join(", ");
            let known = if known.is_empty() { "there is no key".to_owned() } else { known };
            format!(
                "none of the keys in secrets.age_keys of the settings opens it ({known}) {problems}"
            )
            .trim_end()
            .to_owned()
        }
        _ => "its header is not what was written".to_owned(),
    })
}
