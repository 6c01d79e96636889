//! What is said to a mail server, and when enough was heard.

use std::time::Duration;

use domain::tenancy::smtp::{Failure, Reason, Security, Server, Step};
use tokio::net::TcpStream;

use super::{
    tls::Encryption,
    trial::Course,
    wire::{self, Answer, Broken, Wire},
};

/// A conversation with a mail server.
pub(super) struct Talk<'c> {
    wire: Wire,
    course: &'c Course,
    patience: Duration,
}

impl<'c> Talk<'c> {
    pub(super) fn new(stream: TcpStream, course: &'c Course, patience: Duration) -> Self {
        Self { wire: Wire::new(stream), course, patience }
    }

    /// Encrypts the connection as the settings say, before anything is said that is worth hiding. `hello` is what we say that we are.
    pub(super) async fn encrypt(&mut self, server: &Server, hello: &str, with: &Encryption) -> Result<(), Failure> {
        if server.security == Security::Tls {
            self.shake_hands(server, with).await?;
        }
        self.course.begin(Step::Greeting);
        let greeting = self.listen(Step::Greeting).await?;
        positive(Step::Greeting, &greeting, 220)?;
        self.greet(hello).await?;
        if server.security == Security::Starttls {
            self.course.begin(Step::Tls);
            if !self.wire.offers("STARTTLS") {
                return Err(Failure::at(Step::Tls, Reason::NoStarttls));
            }
            self.ask(Step::Tls, "STARTTLS", 220).await?;
            self.shake_hands(server, with).await?;
            // What was said before counts no more.
            self.greet(hello).await?;
        }
        Ok(())
    }

    async fn shake_hands(&mut self, server: &Server, with: &Encryption) -> Result<(), Failure> {
        self.course.begin(Step::Tls);
        let handshake = self.wire.encrypt(server.host.as_str(), with);
        match tokio::time::timeout(self.patience, handshake).await {
            Ok(outcome) => outcome?,
            Err(_) => return Err(Failure::at(Step::Tls, Reason::Timeout)),
        }
        // It was looked at in the handshake.
        self.course.begin(Step::Certificate);
        Ok(())
    }

    async fn greet(&mut self, hello: &str) -> Result<(), Failure> {
        let answer = self.ask(Step::Greeting, &format!("EHLO {hello}"), 250).await?;
        self.wire.remember(&answer);
        Ok(())
    }

    pub(super) async fn sign_in(&mut self, user: &str, password: &str) -> Result<(), Failure> {
        self.course.begin(Step::Auth);
        if self.wire.offers_auth("PLAIN") {
            let both = wire::base64(&format!("\0{user}\0{password}"));
            self.ask(Step::Auth, &format!("AUTH PLAIN {both}"), 235).await?;
        } else if self.wire.offers_auth("LOGIN") {
            self.ask(Step::Auth, "AUTH LOGIN", 334).await?;
            self.ask(Step::Auth, &wire::base64(user), 334).await?;
            self.ask(Step::Auth, &wire::base64(password), 235).await?;
        } else {
            return Err(Failure::at(Step::Auth, Reason::NoMechanism));
        }
        Ok(())
    }

    /// The addresses hold nothing that could end a command: they were parsed.
    pub(super) async fn hand_over(&mut self, from: &str, to: &str, mail: &[u8]) -> Result<(), Failure> {
        self.course.begin(Step::Sender);
        self.ask(Step::Sender, &format!("MAIL FROM:<{from}>"), 250).await?;
        self.course.begin(Step::Recipient);
        self.ask(Step::Recipient, &format!("RCPT TO:<{to}>"), 250).await?;
        self.course.begin(Step::Data);
        self.ask(Step::Data, "DATA", 354).await?;
        let bytes = wire::stuffed(mail);
        self.say(Step::Data, &bytes).await?;
        let answer = self.listen(Step::Data).await?;
        positive(Step::Data, &answer, 250)?;
        // It has the mail: whatever becomes of the good-bye.
        let _ = self.say(Step::Data, b"QUIT\r\n").await;
        Ok(())
    }

    /// Says one line and hears the answer, which must be this one, or another of its kind.
    async fn ask(&mut self, step: Step, line: &str, expected: u16) -> Result<Answer, Failure> {
        self.say(step, format!("{line}\r\n").as_bytes()).await?;
        let answer = self.listen(step).await?;
        positive(step, &answer, expected)?;
        Ok(answer)
    }

    async fn say(&mut self, step: Step, bytes: &[u8]) -> Result<(), Failure> {
        match tokio::time::timeout(self.patience, self.wire.write(bytes)).await {
            Ok(said) => said.map_err(|broken| cut(step, broken)),
            Err(_) => Err(Failure::at(step, Reason::Timeout)),
        }
    }

    async fn listen(&mut self, step: Step) -> Result<Answer, Failure> {
        match tokio::time::timeout(self.patience, self.wire.read()).await {
            Ok(heard) => heard.map_err(|broken| cut(step, broken)),
            Err(_) => Err(Failure::at(step, Reason::Timeout)),
        }
    }
}

fn cut(step: Step, broken: Broken) -> Failure {
    Failure::at(
        step,
        match broken {
            Broken::Closed => Reason::Closed,
            Broken::Nonsense => Reason::NotSmtp,
        },
    )
}

/// 251 is a 250, and 334 is none.
fn positive(step: Step, answer: &Answer, expected: u16) -> Result<(), Failure> {
    match answer.code {
        code if code / 100 == expected / 100 => Ok(()),
        400..=599 => Err(Failure::refused(step, answer.code, answer.text())),
        _ => Err(Failure::at(step, Reason::NotSmtp)),
    }
}
