//! Messages as e-mail, by SMTP. The only file that names lettre.

use std::time::Duration;

use lettre::message::{Mailbox, MessageBuilder};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport, Tokio1Executor};

use crate::alerts::channel::{Mail, MailTls};
use crate::alerts::https::PostError;
use crate::alerts::message::Message;

/// Longest time of one command to the server.
const DEADLINE: Duration = Duration::from_secs(20);
/// Longest subject, in characters.
const SUBJECT: usize = 200;

/// Whether a text is an address that mail can go to or come from.
///
/// # Errors
/// Why not.
pub fn check_address(text: &str) -> Result<(), String> {
    text.parse::<Mailbox>().map(drop).map_err(|error| error.to_string())
}

/// Sends one. The password is read by the caller.
///
/// # Errors
/// What went wrong; the password is not in it.
pub(super) async fn send(
    mail: &Mail,
    password: Option<&str>,
    message: &Message,
    body: String,
) -> Result<(), PostError> {
    let letter = letter(mail, message, body).map_err(PostError::never)?;
    let server = server(mail, password).map_err(PostError::again)?;
    server.send(letter).await.map(drop).map_err(|error| {
        let why = match password {
            Some(password) => error.to_string().replace(password, "…"),
            None => error.to_string(),
        };
        let why: String = why
            .chars()
            .map(|letter| if letter.is_control() { ' ' } else { letter })
            .take(300)
            .collect();
        let why = format!("{}:{}: {why}", mail.server, mail.port);
        if error.is_permanent() { PostError::never(why) } else { PostError::again(why) }
    })
}

fn letter(mail: &Mail, message: &Message, body: String) -> Result<lettre::Message, String> {
    let mailbox = |text: &str| {
        text.parse::<Mailbox>().map_err(|error| format!("`{text}` is no address: {error}"))
    };
    let subject = format!("[composelet {}] {}", message.installation, message.headline());
    let subject: String = subject
        .chars()
        .map(|letter| if letter.is_control() { ' ' } else { letter })
        .take(SUBJECT)
        .collect();
    let mut builder: MessageBuilder = lettre::Message::builder()
        .from(mailbox(&mail.from)?)
        .subject(subject)
        .message_id(Some(format!("<{}@composelet>", message.id)));
    for to in &mail.to {
        builder = builder.to(mailbox(to)?);
    }
    builder.body(body).map_err(|error| error.to_string())
}

fn server(
    mail: &Mail,
    password: Option<&str>,
) -> Result<AsyncSmtpTransport<Tokio1Executor>, String> {
    let tls = match mail.tls {
        MailTls::None => Tls::None,
        MailTls::StartTls => Tls::Required(trust(mail)?),
        MailTls::Implicit => Tls::Wrapper(trust(mail)?),
    };
    let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&mail.server)
        .port(mail.port)
        .tls(tls)
        .timeout(Some(DEADLINE));
    if let (Some((user, _)), Some(password)) = (&mail.login, password) {
        builder = builder.credentials(Credentials::new(user.clone(), password.to_owned()));
    }
    Ok(builder.build())
}

/// The certificates of this host, and those of the settings.
fn trust(mail: &Mail) -> Result<TlsParameters, String> {
    let mut builder = TlsParameters::builder(mail.server.clone());
    if let Some(path) = &mail.ca_file {
        let wrong = |why: String| format!("{}: {why}", path.display());
        let pem = std::fs::read(path).map_err(|error| wrong(error.to_string()))?;
        let own = Certificate::from_pem(&pem).map_err(|error| wrong(error.to_string()))?;
        builder = builder.add_root_certificate(own);
    }
    builder.build_rustls().map_err(|error| error.to_string())
}
