//! The mailbox: what the server's `file` mail transport wrote into its data folder.

use std::{fs, path::PathBuf, time::Duration};

pub(crate) struct Mailbox(PathBuf);

impl Mailbox {
    pub(crate) fn new(data_folder: &str) -> Self {
        Self(PathBuf::from(data_folder).join("mail"))
    }

    /// What follows `before` in a mail to `email`; waits for the mail to arrive.
    pub(crate) async fn token(&self, email: &str, before: &str) -> Result<String, String> {
        for _ in 0..200 {
            if let Some(token) = self.find(email, before) {
                return Ok(token);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Err(format!(
            "no mail to {email} in {}: run the demo where the server's data folder is, or give its path as second argument",
            self.0.display()
        ))
    }

    fn find(&self, email: &str, before: &str) -> Option<String> {
        let mails = fs::read_dir(&self.0).ok()?.filter_map(|entry| fs::read_to_string(entry.ok()?.path()).ok());
        // Quoted-printable: soft line breaks and the equals sign are all that can stand in a link.
        let mut plain = mails.map(|mail| mail.replace("=\r\n", "").replace("=3D", "="));
        let mail = plain.find(|mail| mail.contains(&format!("To: {email}")) && mail.contains(before))?;
        let rest = mail.split(before).nth(1)?;
        Some(rest.chars().take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')).collect())
    }
}
