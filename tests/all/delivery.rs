//! What leaves: webhooks, deliveries, mails.

mod deliveries;
mod webhooks;
