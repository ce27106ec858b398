//! A stream of bytes to a server that has let us in: TCP, with TLS or without, or a socket of this machine.

use std::io;
use std::sync::Arc;

use redis::{
    Cmd, ConnectionAddr, ErrorKind, RedisConnectionInfo, RedisError, RedisResult, TlsCertificates, Value, cmd,
};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsConnector;

use super::address::Address;
use super::reply::Scan;

/// A stream of bytes, both ways.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// Connects to the server of `address`, which is no cluster, and says who we are and which database we mean.
///
/// # Errors
/// As the library's, where it does the same for blocking connections.
pub(super) async fn connect(address: &Address) -> RedisResult<Box<dyn Stream>> {
    let server = &address.servers[0];
    let mut stream: Box<dyn Stream> = match server.addr() {
        ConnectionAddr::Tcp(host, port) => Box::new(tcp(host, *port).await?),
        ConnectionAddr::TcpTls { insecure: true, .. } => return Err(insecure()),
        ConnectionAddr::TcpTls { host, port, .. } => {
            let config = Arc::new(tls_config(address.certificates.as_ref())?);
            let name = ServerName::try_from(host.clone()).map_err(io::Error::other)?;
            Box::new(TlsConnector::from(config).connect(name, tcp(host, *port).await?).await?)
        }
        ConnectionAddr::Unix(path) => Box::new(UnixStream::connect(path).await?),
        _ => return Err(RedisError::from((ErrorKind::InvalidClientConfig, "an unknown kind of address"))),
    };
    greet(&mut *stream, server.redis_settings()).await?;
    Ok(stream)
}

async fn tcp(host: &str, port: u16) -> io::Result<TcpStream> {
    let stream = TcpStream::connect((host, port)).await?;
    // Commands go out as soon as they are there.
    stream.set_nodelay(true)?;
    Ok(stream)
}

fn insecure() -> RedisError {
    let what = "a server's certificate is always checked: leave out `#insecure`";
    RedisError::from((ErrorKind::InvalidClientConfig, what))
}

fn tls_config(certificates: Option<&TlsCertificates>) -> RedisResult<ClientConfig> {
    let roots = match certificates.and_then(|certificates| certificates.root_cert.as_ref()) {
        Some(pem) => CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>().map_err(io::Error::other)?,
        None => rustls_native_certs::load_native_certs().certs,
    };
    let mut trusted = RootCertStore::empty();
    // Of the system's there may be some that nobody understands; what is missing is noticed when it is needed.
    trusted.add_parsable_certificates(roots);
    let config = ClientConfig::builder().with_root_certificates(trusted);
    let Some(client) = certificates.and_then(|certificates| certificates.client_tls.as_ref()) else {
        return Ok(config.with_no_client_auth());
    };
    let chain = CertificateDer::pem_slice_iter(&client.client_cert).collect::<Result<Vec<_>, _>>();
    let key = PrivateKeyDer::from_pem_slice(&client.client_key).map_err(io::Error::other)?;
    Ok(config.with_client_auth_cert(chain.map_err(io::Error::other)?, key).map_err(io::Error::other)?)
}

async fn greet(stream: &mut dyn Stream, settings: &RedisConnectionInfo) -> RedisResult<()> {
    if let Some(password) = settings.password() {
        let command = cmd("AUTH").arg(settings.username()).arg(password).take();
        let (kind, refused) = (ErrorKind::AuthenticationFailed, "Password authentication failed");
        accepted(ask(stream, &command).await?, kind, refused)?;
    }
    if settings.db() != 0 {
        let refused = "Redis server refused to switch database";
        accepted(ask(stream, cmd("SELECT").arg(settings.db())).await?, ErrorKind::Client, refused)?;
    }
    Ok(())
}

fn accepted(reply: Value, kind: ErrorKind, refused: &'static str) -> RedisResult<()> {
    match reply {
        Value::ServerError(error) => Err(RedisError::from((kind, refused, error.to_string()))),
        _ => Ok(()),
    }
}

/// The reply to one command, on a connection on which nothing else is under way.
async fn ask(stream: &mut dyn Stream, command: &Cmd) -> RedisResult<Value> {
    stream.write_all(&command.get_packed_command()).await?;
    stream.flush().await?;
    let (mut scan, mut reply) = (Scan::of(1), Vec::new());
    while scan.advance(&reply)?.is_none() {
        if stream.read_buf(&mut reply).await? == 0 {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
    }
    redis::parse_redis_value(&reply)
}
