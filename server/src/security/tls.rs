//! The certificate of both doors. It can be changed while the server runs: connections that exist keep the old one.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use actix_rt::signal::unix::{SignalKind, signal};
use anyhow::{Context as _, ensure};
use arc_swap::ArcSwap;
use rustls::ServerConfig;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use crate::config::Tls;

/// A certificate with its key, and where they are.
#[derive(Debug)]
pub(crate) struct Certificate {
    certificate_file: PathBuf,
    key_file: PathBuf,
    handshake_timeout: Duration,
    provider: Arc<CryptoProvider>,
    current: ArcSwap<CertifiedKey>,
}

impl Certificate {
    /// Reads what the settings name; `None` if they name nothing.
    ///
    /// # Errors
    /// A file can't be read, holds nothing that is meant, or the two don't belong together.
    pub(crate) fn load(settings: &Tls) -> anyhow::Result<Option<Arc<Self>>> {
        let (Some(certificate_file), Some(key_file)) = (&settings.certificate_file, &settings.key_file)
        else {
            return Ok(None);
        };
        let provider = Arc::new(aws_lc_rs::default_provider());
        let (certificate_file, key_file) = (certificate_file.clone(), key_file.clone());
        let current = ArcSwap::from_pointee(read(&certificate_file, &key_file, &provider)?);
        let handshake_timeout = settings.handshake_timeout_ms;
        Ok(Some(Arc::new(Self { certificate_file, key_file, handshake_timeout, provider, current })))
    }

    /// Reads the files again. What can't be used changes nothing.
    ///
    /// # Errors
    /// As [`Certificate::load`].
    fn reload(&self) -> anyhow::Result<()> {
        self.current.store(Arc::new(read(&self.certificate_file, &self.key_file, &self.provider)?));
        Ok(())
    }

    /// Reads the files again on each SIGHUP, as long as the current actix system runs.
    ///
    /// # Errors
    /// The system lets no signals be heard.
    pub(crate) fn reload_on_hangup(self: Arc<Self>) -> io::Result<()> {
        let mut hangups = signal(SignalKind::hangup())?;
        actix_rt::spawn(async move {
            while hangups.recv().await.is_some() {
                match self.reload() {
                    Ok(()) => tracing::info!("SIGHUP: the certificate was read again"),
                    Err(error) => tracing::error!("SIGHUP: the old certificate stays: {error:#}"),
                }
            }
        });
        Ok(())
    }

    /// TLS 1.2 or 1.3 with this certificate, for one door.
    ///
    /// # Errors
    /// The provider lacks a version, which it does not.
    pub(crate) fn encryption(self: &Arc<Self>) -> anyhow::Result<Encryption> {
        let config = ServerConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(self) as _);
        Ok(Encryption { config, handshake_timeout: self.handshake_timeout })
    }
}

/// How one door encrypts.
#[derive(Clone, Debug)]
pub struct Encryption {
    pub(crate) config: ServerConfig,
    /// The time that a handshake may take.
    pub(crate) handshake_timeout: Duration,
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current.load_full())
    }
}

fn read(
    certificate_file: &PathBuf,
    key_file: &PathBuf,
    provider: &CryptoProvider,
) -> anyhow::Result<CertifiedKey> {
    let chain = CertificateDer::pem_file_iter(certificate_file)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .with_context(|| format!("tls.certificate_file: {}", certificate_file.display()))?;
    ensure!(!chain.is_empty(), "tls.certificate_file: {} holds no certificate", certificate_file.display());
    let key = PrivateKeyDer::from_pem_file(key_file)
        .with_context(|| format!("tls.key_file: {}", key_file.display()))?;
    CertifiedKey::from_der(chain, key, provider)
        .with_context(|| format!("tls.key_file: {} is not the certificate's", key_file.display()))
}
