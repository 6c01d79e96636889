//! What waits in the database: claimed, worked, settled.

pub(crate) mod mails;
pub(crate) mod webhooks;
