//! By which way a policy talks, from the command line.

use super::ControllerArguments;
use crate::io::mqtt::{Config, Login};
use crate::io::tunnel::TlsSettings;
use crate::rig::{Flow, Parity, PortName, Secret, SerialDef, Tls};
use crate::wire::LinkId;
use serde::Deserialize;
use std::path::Path;
use std::time::Duration;

/// A link, not yet opened.
pub enum Way {
    /// None was named.
    Nowhere,
    Broker(Box<Config>),
    Port(SerialDef),
}

/// The file in which a run says where its broker is.
#[derive(Deserialize)]
struct LoginFile {
    host: String,
    port: u16,
    devices: Vec<User>,
}

#[derive(Deserialize)]
struct User {
    user: String,
    password: String,
}

impl Way {
    /// The way that the command line names; the error says what is wrong with it.
    pub fn chosen(arguments: &ControllerArguments) -> Result<Way, String> {
        if let Some(path) = &arguments.serial {
            return Ok(Way::Port(SerialDef {
                port: PortName::Path(path.clone()),
                baud: arguments.baud,
                parity: Parity::None,
                flow: Flow::None,
                stop_bits: 1,
            }));
        }
        if let Some(path) = &arguments.login {
            return from_login(arguments, path);
        }
        let Some(url) = &arguments.broker else { return Ok(Way::Nowhere) };
        let (secure, rest) = match (url.strip_prefix("mqtt://"), url.strip_prefix("mqtts://")) {
            (Some(rest), _) => (false, rest),
            (_, Some(rest)) => (true, rest),
            _ => return Err(format!("`{url}` is no broker: write mqtt://HOST:PORT or mqtts://HOST:PORT")),
        };
        let (host, port) = match rest.trim_end_matches('/').rsplit_once(':') {
            Some((host, port)) => (host, port.parse().map_err(|_| format!("`{port}` is no port"))?),
            None => (rest, if secure { 8883 } else { 1883 }),
        };
        if host.is_empty() || host.contains(['/', '@']) {
            return Err(format!("`{url}` names no host; a user is named by --user"));
        }
        let tls = secure.then(|| TlsSettings::read(&Tls { ca: arguments.ca.clone(), cert: None, key: None }));
        let login = match &arguments.user {
            Some(user) => Some(login(arguments, user)?),
            None => None,
        };
        Ok(Way::Broker(Box::new(Config { tls: tls.transpose()?, ..config(arguments, host, port, login) })))
    }
}

fn login(arguments: &ControllerArguments, user: &str) -> Result<Login, String> {
    let secret = match (&arguments.password_env, &arguments.password_file) {
        (Some(name), _) => Secret::Environment(name.clone()),
        (None, Some(path)) => Secret::File(path.clone()),
        (None, None) => return Err(format!("the password of {user} is not named: --password-env or --password-file")),
    };
    Login::read(user, &secret)
}

fn from_login(arguments: &ControllerArguments, path: &Path) -> Result<Way, String> {
    let shown = path.display();
    let text = std::fs::read_to_string(path).map_err(|error| format!("{shown}: {error}"))?;
    let file: LoginFile =
        serde_json::from_str(&text).map_err(|error| format!("{shown} is no file of logins: {error}"))?;
    let known = || file.devices.iter().map(|device| device.user.as_str()).collect::<Vec<_>>().join(", ");
    let mut wanted =
        file.devices.iter().filter(|device| arguments.user.as_ref().is_none_or(|user| *user == device.user));
    let user = match (wanted.next(), wanted.next()) {
        (Some(user), None) => user,
        (None, _) => return Err(format!("{shown} has no such user; there are: {}", known())),
        (Some(_), Some(_)) => return Err(format!("{shown} names several users; choose one by --user: {}", known())),
    };
    let login = Login { user: user.user.clone(), password: user.password.clone() };
    Ok(Way::Broker(Box::new(config(arguments, &file.host, file.port, Some(login)))))
}

fn config(arguments: &ControllerArguments, host: &str, port: u16, login: Option<Login>) -> Config {
    // A name of its own for each process, so that two of them never throw each other out.
    let name = login.as_ref().map_or("policy", |login| login.user.as_str());
    Config {
        link: LinkId(0),
        client_id: format!("{name}-{}", std::process::id()),
        host: host.to_owned(),
        port,
        tls: None,
        version: arguments.mqtt,
        login,
        subscriptions: Vec::new(),
        keep_alive: Duration::from_secs(5),
        will: None,
    }
}
