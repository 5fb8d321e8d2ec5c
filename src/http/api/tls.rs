//! TLS of the API: rustls with ring.

use std::fmt;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

/// Certificate and key, read and checked.
#[derive(Clone)]
pub struct TlsSettings {
    pub(super) acceptor: TlsAcceptor,
}

impl fmt::Debug for TlsSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TlsSettings(…)")
    }
}

/// Why a certificate and its key cannot be used. No text of either is in it.
#[derive(Debug, thiserror::Error)]
pub enum TlsSettingsError {
    /// The certificates are no PEM, or there is none.
    #[error("expected certificates in the form of PEM")]
    Certificate,
    /// The key is no PEM.
    #[error("expected a private key in the form of PEM")]
    Key,
    /// The two do not fit, or are of a kind that is not supported.
    #[error("certificate and key cannot be used: {0}")]
    Unusable(String),
}

impl TlsSettings {
    /// From the bytes of the two files.
    ///
    /// # Errors
    /// See [`TlsSettingsError`].
    pub fn from_pem(certificates: &[u8], key: &[u8]) -> Result<Self, TlsSettingsError> {
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(certificates).collect();
        let chain = chain.map_err(|_| TlsSettingsError::Certificate)?;
        if chain.is_empty() {
            return Err(TlsSettingsError::Certificate);
        }
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| TlsSettingsError::Key)?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let unusable = |error: rustls::Error| TlsSettingsError::Unusable(error.to_string());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(unusable)?
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .map_err(unusable)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)) })
    }
}
