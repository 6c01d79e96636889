//! What leaves: webhooks, deliveries, mails.

pub mod deliveries;
pub mod mail_templates;
pub mod mails;
pub mod webhooks;
