//! Rules that concern more than one key.

use domain::{applications::billing::fits, core::secret::ProviderSecret};

use super::{BillingConfig, Config, MailTransport, Pooler, SmtpSecurity, servers};

/// Every pair of settings that does not go together: the key to change, and why.
pub(super) fn consistency(config: &Config) -> Vec<(&'static str, String)> {
    let (mail, first) = (&config.mail, &config.bootstrap);
    let smtp = mail.transport == MailTransport::Smtp;
    let local = matches!(mail.smtp_host.as_str(), "localhost" | "127.0.0.1" | "::1");
    let rules = [
        (
            config.database.pooler == Pooler::Transaction && servers::has_options(config.database.url.expose()),
            "database.url",
            "has `options`, which a pooler in transaction mode refuses or forgets: set them by `alter role`.",
        ),
        (smtp && mail.smtp_host.is_empty(), "mail.smtp_host", "is needed when `mail.transport` is \"smtp\"."),
        (
            smtp && mail.smtp_username.is_empty() != mail.smtp_password.is_empty(),
            "mail.smtp_password",
            "must be set together with `mail.smtp_username`.",
        ),
        (
            smtp && mail.smtp_security == SmtpSecurity::None && !mail.smtp_password.is_empty() && !local,
            "mail.smtp_security",
            "\"none\" would send the password over the network unprotected.",
        ),
        (
            config.retention.events_min_days > config.retention.events_max_days,
            "retention.events_min_days",
            "is more than `retention.events_max_days`.",
        ),
        (
            config.billing.provider.is_some() && config.billing.api_key.is_empty(),
            "billing.api_key",
            "is needed when `billing.provider` names one.",
        ),
        (!key_fits(&config.billing), "billing.api_key", "is a publishable key, or says that it is not of `billing.mode`."),
        (
            config.billing.usage_meter.len() > 100 || !config.billing.usage_meter.bytes().all(|b| b.is_ascii_graphic()),
            "billing.usage_meter",
            "must be a meter's name: at most 100 visible ASCII characters.",
        ),
        (
            first.owner_email.is_empty() != first.owner_password.is_empty(),
            "bootstrap.owner_password",
            "must be set together with `bootstrap.owner_email`.",
        ),
    ];
    rules.into_iter().filter(|(broken, ..)| *broken).map(|(_, key, why)| (key, why.to_owned())).collect()
}

/// Whether the platform's key is one of its mode, as far as its text says: a mistake here moves money, or does not.
fn key_fits(billing: &BillingConfig) -> bool {
    let key = ProviderSecret::stored(billing.api_key.expose().to_owned());
    billing.provider.is_none_or(|provider| fits(provider, billing.mode, &key).is_ok())
}
