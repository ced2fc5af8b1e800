//! TLS to a broker: our own tunnel, so that the MQTT client itself needs none.
//!
//! The handshake is done before the client starts, so that its failures can be said in words. Then the client connects to
//! a Unix socket in a folder that only this user can enter; one connection is accepted, and carried.
//!
//! Invariant: nothing passes before the broker's certificate was verified against its name.

use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::net::{TcpStream, UnixListener};
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use tokio_rustls::{TlsConnector, rustls};

/// Where certificates come from that a broker's own is held against when the rig names none.
const SYSTEM_ROOTS: [&str; 3] =
    ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"];

/// What TLS needs, read and checked.
#[derive(Clone)]
pub struct TlsSettings(Arc<ClientConfig>);

impl std::fmt::Debug for TlsSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TlsSettings")
    }
}

impl TlsSettings {
    /// Reads the files that the rig names. The error says which file, and what is wrong with it.
    pub fn read(tls: &crate::rig::Tls) -> Result<TlsSettings, String> {
        let ca = match &tls.ca {
            Some(path) => PathBuf::from(path),
            None => SYSTEM_ROOTS
                .iter()
                .map(PathBuf::from)
                .find(|path| path.exists())
                .ok_or("no certificate authority is named (`ca`), and this system has no list of its own")?,
        };
        let mut roots = RootCertStore::empty();
        for certificate in certificates(&ca)? {
            // A system's list may hold a certificate that this library finds odd; that one then vouches for nothing.
            let added = roots.add(certificate);
            if tls.ca.is_some() {
                added.map_err(|error| format!("{}: {error}", ca.display()))?;
            }
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_root_certificates(roots);
        let config = match (&tls.cert, &tls.key) {
            (Some(cert), Some(key)) => {
                let chain = certificates(Path::new(cert))?;
                let key_der = PrivateKeyDer::from_pem_file(key).map_err(|error| format!("{key}: {error}"))?;
                builder
                    .with_client_auth_cert(chain, key_der)
                    .map_err(|error| format!("{cert} and {key} do not fit: {error}"))?
            }
            (None, None) => builder.with_no_client_auth(),
            (Some(_), None) => return Err("a client certificate (`cert`) needs its `key`".into()),
            (None, Some(_)) => return Err("a client `key` needs its certificate (`cert`)".into()),
        };
        Ok(TlsSettings(Arc::new(config)))
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let wrong = |error: rustls_pki_types::pem::Error| format!("{}: {error}", path.display());
    let found: Vec<_> = CertificateDer::pem_file_iter(path).map_err(wrong)?.collect::<Result<_, _>>().map_err(wrong)?;
    if found.is_empty() { Err(format!("{} holds no certificate", path.display())) } else { Ok(found) }
}

/// A tunnel whose far end is verified; its near end waits for the one client.
pub struct Tunnel {
    stream: TlsStream<TcpStream>,
    listener: UnixListener,
    folder: PathBuf,
}

impl Tunnel {
    /// Connects and shakes hands. The error says in words what is wrong.
    pub async fn open(host: &str, port: u16, settings: &TlsSettings) -> Result<Tunnel, String> {
        let tcp = TcpStream::connect((host, port)).await.map_err(|error| connect_words(host, port, &error))?;
        tcp.set_nodelay(true).map_err(|error| error.to_string())?;
        let name = ServerName::try_from(host.to_owned()).map_err(|_| format!("{host} is no name of a host"))?;
        let stream = TlsConnector::from(settings.0.clone())
            .connect(name, tcp)
            .await
            .map_err(|error| tls_words(host, port, &error))?;
        let folder = private_folder().map_err(|error| format!("no folder for the tunnel: {error}"))?;
        let listener = UnixListener::bind(folder.join("mqtt")).map_err(|error| {
            let _ = std::fs::remove_dir_all(&folder);
            format!("no socket for the tunnel: {error}")
        })?;
        Ok(Tunnel { stream, listener, folder })
    }
    /// The path to which the client connects.
    pub fn path(&self) -> PathBuf {
        self.folder.join("mqtt")
    }
    /// Accepts the one client and carries its bytes until either end closes. The error is the broker's, in words.
    pub async fn carry(mut self) -> Result<(), String> {
        let accepted = self.listener.accept().await;
        // The door is closed behind the one client.
        let _ = std::fs::remove_dir_all(&self.folder);
        let (mut near, _) = accepted.map_err(|error| error.to_string())?;
        match tokio::io::copy_bidirectional(&mut near, &mut self.stream).await {
            Ok(_) => Ok(()),
            Err(error) if tls_cause(&error).is_some() => Err(tls_error_words(&error)),
            // A broker that just closes is told by the client, which knows what it was doing.
            Err(_) => Ok(()),
        }
    }
}

impl Drop for Tunnel {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn private_folder() -> io::Result<PathBuf> {
    let folder = std::env::temp_dir().join(format!("checkrein-{}", crate::io::broker::random_word()?));
    std::fs::DirBuilder::new().mode(0o700).create(&folder)?;
    Ok(folder)
}

/// Why a connection could not be made, for people.
pub fn connect_words(host: &str, port: u16, error: &io::Error) -> String {
    let text = error.to_string();
    match error.kind() {
        io::ErrorKind::ConnectionRefused => format!("{host}:{port} refuses the connection: no broker listens there"),
        io::ErrorKind::TimedOut => format!("{host}:{port} does not answer"),
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
            format!("{host}:{port} cannot be reached from this network")
        }
        _ if text.contains("lookup") || text.contains("resolve") => format!("host not found: {host}"),
        _ => format!("{host}:{port}: {text}"),
    }
}

fn tls_cause(error: &io::Error) -> Option<&rustls::Error> {
    error.get_ref().and_then(|inner| inner.downcast_ref())
}

fn tls_words(host: &str, port: u16, error: &io::Error) -> String {
    match tls_cause(error) {
        Some(_) => format!("{host}:{port}: {}", tls_error_words(error)),
        None if error.kind() == io::ErrorKind::UnexpectedEof => {
            format!("{host}:{port} closes the connection during the TLS handshake: is it a TLS port?")
        }
        None => connect_words(host, port, error),
    }
}

fn tls_error_words(error: &io::Error) -> String {
    use rustls::{AlertDescription, CertificateError, Error};
    match tls_cause(error) {
        Some(Error::InvalidCertificate(CertificateError::UnknownIssuer)) => {
            "the broker's certificate is signed by nobody that `ca` knows".into()
        }
        Some(Error::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        )) => "the broker's certificate is for another host name".into(),
        Some(Error::InvalidCertificate(CertificateError::Expired | CertificateError::ExpiredContext { .. })) => {
            "the broker's certificate has expired".into()
        }
        Some(Error::AlertReceived(
            AlertDescription::CertificateRequired
            | AlertDescription::BadCertificate
            | AlertDescription::UnknownCA
            | AlertDescription::CertificateUnknown
            | AlertDescription::AccessDenied
            | AlertDescription::HandshakeFailure,
        )) => "the broker does not accept our client certificate".into(),
        Some(Error::InvalidMessage(_)) => "what answers there speaks no TLS".into(),
        Some(other) => format!("TLS: {other}"),
        None => error.to_string(),
    }
}
