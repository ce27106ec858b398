//! What a connection string says: where the servers are, and how to get in.
//!
//! Two ways to write it, as URLs or as Feast does, several servers separated by commas:
//!
//! ```text
//! redis://user:password@host:6379/0            rediss:// for TLS
//! host:6379,host:6380,username=user,password=secret,db=0,ssl=true,ssl_ca_certs=ca.pem
//! ```
//!
//! Either may end with options. Certificates are files in PEM, relative to the repository.

use std::path::Path;

use redis::{
    ClientTlsConfig, ConnectionAddr, ConnectionInfo, IntoConnectionInfo as _, RedisConnectionInfo, TlsCertificates,
};

use crate::definitions::RedisType;
use crate::{Error, Result};

const PORT: u16 = 6379;

/// The servers, and how to get in.
#[derive(Clone)]
pub(in crate::online) struct Address {
    /// the server, or some nodes of the cluster
    pub(super) servers: Vec<ConnectionInfo>,
    /// where TLS needs other certificates than the system's
    pub(super) certificates: Option<TlsCertificates>,
    pub(super) redis_type: RedisType,
    /// as it stands in messages: without the password
    pub(super) shown: String,
}

impl Address {
    /// Reads `text`, and the certificates it names, relative to `root`.
    ///
    /// # Errors
    /// [`InvalidDefinition`](crate::ErrorKind::InvalidDefinition) where it can't be meant, or a certificate can't be read.
    pub(in crate::online) fn parse(text: &str, redis_type: RedisType, root: &Path) -> Result<Self> {
        let parts =
            Parts::parse(text).map_err(|reason| Error::invalid_definition(format!("online store: {reason}")))?;
        let certificates = parts.certificates(root)?;
        let shown = shown(&parts.servers, redis_type);
        Ok(Self { servers: parts.servers, certificates, redis_type, shown })
    }
}

/// Says what is wrong with a connection string, if anything is; files are not looked at.
pub(crate) fn check_connection_string(text: &str, redis_type: RedisType) -> Result<(), String> {
    let parts = Parts::parse(text)?;
    match redis_type {
        RedisType::Redis if parts.servers.len() > 1 => Err(format!(
            "the connection string names {} servers: name one, or say `redis_type: redis_cluster`",
            parts.servers.len()
        )),
        RedisType::RedisCluster if parts.servers.iter().any(|server| server.redis_settings().db() != 0) => {
            Err("a Redis cluster has only database 0: leave out the database".to_owned())
        }
        _ => Ok(()),
    }
}

#[derive(Default)]
struct Parts {
    servers: Vec<ConnectionInfo>,
    options: Options,
}

#[derive(Default)]
struct Options {
    username: Option<String>,
    password: Option<String>,
    db: Option<i64>,
    ssl: bool,
    ssl_ca_certs: Option<String>,
    ssl_certfile: Option<String>,
    ssl_keyfile: Option<String>,
}

impl Parts {
    fn parse(text: &str) -> Result<Self, String> {
        let mut parts = Self::default();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            match part.split_once('=') {
                _ if part.contains("://") => parts.servers.push(url(part)?),
                Some((name, value)) => parts.options.set(name.trim(), value.trim())?,
                None => parts.servers.push(host_and_port(part)?),
            }
        }
        if parts.servers.is_empty() {
            return Err("the connection string names no server: write `host:6379` or `redis://host:6379/0`".to_owned());
        }
        let Self { servers, options } = parts;
        if options.ssl_certfile.is_some() != options.ssl_keyfile.is_some() {
            return Err("`ssl_certfile` and `ssl_keyfile` belong together: give both or none".to_owned());
        }
        let servers = servers.into_iter().map(|server| options.apply(server)).collect();
        Ok(Self { servers, options })
    }

    fn certificates(&self, root: &Path) -> Result<Option<TlsCertificates>> {
        let Options { ssl_ca_certs, ssl_certfile, ssl_keyfile, .. } = &self.options;
        if ssl_ca_certs.is_none() && ssl_certfile.is_none() {
            return Ok(None);
        }
        let read = |path: &String| {
            std::fs::read(root.join(path)).map_err(|error| {
                Error::invalid_definition(format!("online store: can't read the certificate `{path}`")).because(error)
            })
        };
        let client_tls = match (ssl_certfile, ssl_keyfile) {
            (Some(certificate), Some(key)) => {
                Some(ClientTlsConfig { client_cert: read(certificate)?, client_key: read(key)? })
            }
            _ => None,
        };
        Ok(Some(TlsCertificates { client_tls, root_cert: ssl_ca_certs.as_ref().map(read).transpose()? }))
    }
}

/// The reasons of the library repeat the URL with its password, so they are not passed on.
fn url(text: &str) -> Result<ConnectionInfo, String> {
    text.into_connection_info().map_err(|_| {
        "the connection string is no URL of a Redis server: write `redis://user:password@host:6379/0`, or `rediss://…` \
         for TLS, with special characters in percent-encoding"
            .to_owned()
    })
}

fn host_and_port(text: &str) -> Result<ConnectionInfo, String> {
    let (host, port) = match text.rsplit_once(':') {
        // An address of IPv6 has colons of its own, and stands in brackets where a port follows.
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => (host, port.parse().ok()),
        _ => (text, Some(PORT)),
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    // Not repeated, for it may be a URL that was spoilt, with a password in it.
    let is_host = !host.is_empty() && !host.contains(['/', '@', ' ']);
    let port: Option<u16> = port.filter(|_| is_host);
    let port = port.ok_or("the connection string has a server that is no `host:port`: write `host:6379`")?;
    (host, port).into_connection_info().map_err(|error| error.to_string())
}

impl Options {
    fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        let text = || Some(value.to_owned());
        match name {
            "username" => self.username = text(),
            "password" => self.password = text(),
            "db" => self.db = Some(value.parse().map_err(|_| format!("`db={value}` is no number of a database"))?),
            "ssl" => {
                self.ssl =
                    value.to_ascii_lowercase().parse().map_err(|_| format!("`ssl={value}`: write true or false"))?;
            }
            "ssl_ca_certs" => self.ssl_ca_certs = text(),
            "ssl_certfile" => self.ssl_certfile = text(),
            "ssl_keyfile" => self.ssl_keyfile = text(),
            _ => {
                return Err(format!(
                    "the connection string has an unknown option `{name}`: known are username, password, db, ssl, \
                     ssl_ca_certs, ssl_certfile and ssl_keyfile"
                ));
            }
        }
        Ok(())
    }

    /// `server` with what the options say.
    fn apply(&self, server: ConnectionInfo) -> ConnectionInfo {
        let mut settings: RedisConnectionInfo = server.redis_settings().clone().set_skip_set_lib_name();
        if let Some(username) = &self.username {
            settings = settings.set_username(username);
        }
        if let Some(password) = &self.password {
            settings = settings.set_password(password);
        }
        if let Some(db) = self.db {
            settings = settings.set_db(db);
        }
        let tcp = server.tcp_settings().clone().set_nodelay(true);
        let address = match server.addr().clone() {
            ConnectionAddr::Tcp(host, port) if self.ssl => {
                ConnectionAddr::TcpTls { host, port, insecure: false, tls_params: None }
            }
            address => address,
        };
        server.set_addr(address).set_redis_settings(settings).set_tcp_settings(tcp)
    }
}

fn shown(servers: &[ConnectionInfo], redis_type: RedisType) -> String {
    let first = &servers[0];
    let scheme = if matches!(first.addr(), ConnectionAddr::TcpTls { .. }) { "rediss" } else { "redis" };
    let addresses: Vec<String> = servers.iter().map(|server| server.addr().to_string()).collect();
    let addresses = addresses.join(",");
    match redis_type {
        RedisType::Redis => format!("{scheme}://{addresses}/{}", first.redis_settings().db()),
        RedisType::RedisCluster => format!("{scheme}://{addresses}"),
    }
}

impl std::fmt::Debug for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Address").field("shown", &self.shown).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str, redis_type: RedisType) -> String {
        match check_connection_string(text, redis_type).and_then(|()| Parts::parse(text)) {
            Err(reason) => reason,
            Ok(parts) => {
                let settings = parts.servers[0].redis_settings();
                let secrets = format!("{:?} {:?}", settings.username(), settings.password());
                format!("{} {secrets}", shown(&parts.servers, redis_type))
            }
        }
    }

    #[test]
    fn a_connection_string_is_a_url_or_what_feast_writes() {
        let one = |text| parse(text, RedisType::Redis);
        insta::assert_snapshot!(one("localhost:6379"), @"redis://localhost:6379/0 None None");
        insta::assert_snapshot!(one("localhost"), @"redis://localhost:6379/0 None None");
        insta::assert_snapshot!(one("[::1]:7000,db=3"), @"redis://::1:7000/3 None None");
        insta::assert_snapshot!(one("redis://localhost/2"), @"redis://localhost:6379/2 None None");
        insta::assert_snapshot!(one("rediss://me:p%40ss@cache.example:6380/1"), @r#"rediss://cache.example:6380/1 Some("me") Some("p@ss")"#);
        insta::assert_snapshot!(one("cache.example:6380, username=me, password=p=ss, ssl=True, db=1"), @r#"rediss://cache.example:6380/1 Some("me") Some("p=ss")"#);
        let cluster = |text| parse(text, RedisType::RedisCluster);
        insta::assert_snapshot!(cluster("a:7000,b:7001,password=x"), @r#"redis://a:7000,b:7001 None Some("x")"#);
    }

    #[test]
    fn what_can_not_be_meant_is_refused_without_its_password() {
        let one = |text| parse(text, RedisType::Redis);
        insta::assert_snapshot!(one(""), @"the connection string names no server: write `host:6379` or `redis://host:6379/0`");
        insta::assert_snapshot!(one("password=secret"), @"the connection string names no server: write `host:6379` or `redis://host:6379/0`");
        insta::assert_snapshot!(one("localhost:port"), @"the connection string has a server that is no `host:port`: write `host:6379`");
        insta::assert_snapshot!(one("localhost,pasword=secret"), @"the connection string has an unknown option `pasword`: known are username, password, db, ssl, ssl_ca_certs, ssl_certfile and ssl_keyfile");
        insta::assert_snapshot!(one("localhost,db=x"), @"`db=x` is no number of a database");
        insta::assert_snapshot!(one("localhost,ssl=yes"), @"`ssl=yes`: write true or false");
        insta::assert_snapshot!(one("localhost,ssl_keyfile=key.pem"), @"`ssl_certfile` and `ssl_keyfile` belong together: give both or none");
        insta::assert_snapshot!(one("http://:secret@localhost"), @"the connection string is no URL of a Redis server: write `redis://user:password@host:6379/0`, or `rediss://…` for TLS, with special characters in percent-encoding");
        insta::assert_snapshot!(one("a:1,b:2"), @"the connection string names 2 servers: name one, or say `redis_type: redis_cluster`");
        insta::assert_snapshot!(parse("a:1,db=1", RedisType::RedisCluster), @"a Redis cluster has only database 0: leave out the database");
    }

    #[test]
    fn a_certificate_that_is_not_there_is_named() {
        let error = Address::parse("localhost,ssl=true,ssl_ca_certs=ca.pem", RedisType::Redis, Path::new("/nowhere"));
        insta::assert_snapshot!(error.unwrap_err(), @"online store: can't read the certificate `ca.pem`: No such file or directory (os error 2)");
    }
}
