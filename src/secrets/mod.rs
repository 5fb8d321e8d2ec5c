//! Encrypted files of values: age, and SOPS with age recipients. Pure: bytes and keys in, plain bytes out; who reads files
//! and keys is the controller (docs/secrets.md).

mod age_file;
mod dotenv;
mod encoded;
mod failure;
mod keyring;
mod open;
mod plain;
mod print;
mod seal;
mod sops;
mod tree;

pub use keyring::Keyring;
pub use open::open;
pub use seal::{Sealed, unseal};
