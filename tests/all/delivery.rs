//! What leaves: webhooks, deliveries, mails.

pub(crate) mod deliveries;
mod mail_templates;
mod webhooks;
