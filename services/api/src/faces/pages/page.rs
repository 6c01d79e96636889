//! What each page says, as plain data: a step of the flow makes one of these, and knows nothing of templates, texts or languages.

mod parts;

use serde::Serialize;

pub(crate) use self::parts::{
    AccountDone, AccountFacts, Action, AppKey, Back, Choice, CodeProblem, ConsentFacts, DeviceFacts, Done, ErrorKind, FactorKind,
    IdentifyProblem, LinkFacts, OwnPasskey, OwnSession, PasswordProblem, Problem, Provider, SignedInBy, TrialCheck, TrialFacts,
    TrialOutcome, Trouble, TroubleKind,
};

use super::safe_url::SafeUrl;

/// A page.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Page {
    /// Asks for the e-mail address (`email`).
    Identify {
        action: Action,
        /// What is in the field.
        email: String,
        bad: Option<IdentifyProblem>,
        /// Whether a passkey can be asked for.
        passkey: bool,
        /// Other ways in.
        providers: Vec<Provider>,
        trouble: Option<Trouble>,
    },
    /// Asks for the password (`password`).
    Password {
        action: Action,
        email: String,
        bad: Option<PasswordProblem>,
        /// Where a new password is asked for.
        reset: Option<SafeUrl>,
        /// Where another account is chosen.
        other: SafeUrl,
        /// Whether a passkey can be asked for.
        passkey: bool,
        /// Whether a mail can be.
        mail: bool,
        /// Other ways in.
        providers: Vec<Provider>,
        trouble: Option<Trouble>,
    },
    /// Asks through which identity provider (`connection`): nothing else counts here.
    Connections { action: Action, email: String, providers: Vec<Provider>, trouble: Option<Trouble>, other: SafeUrl },
    /// Asks for the password of the account that a provider's word is to be linked with (`password`).
    Prove {
        action: Action,
        email: String,
        provider: String,
        bad: Option<PasswordProblem>,
        /// Whether a mail can be asked for.
        mail: bool,
        reset: SafeUrl,
        other: SafeUrl,
    },
    /// Asks for a code (`code`).
    SecondFactor { action: Action, email: String, kind: FactorKind, bad: Option<CodeProblem>, passkey: bool, other: SafeUrl },
    /// Asks for the code that was mailed (`code`), if it was: nobody is told.
    MailCode { action: Action, email: String, bad: Option<CodeProblem>, other: SafeUrl },
    /// What a mailed link leads to: back into the sign-in, or to the code to type there.
    MailedSignIn {
        /// In the browser that asked.
        action: Option<Action>,
        code: String,
        asked: DeviceFacts,
    },
    /// Asks the person's device for a passkey (`credential`), by `passkey.js`.
    Passkey {
        action: Action,
        /// What the device is asked, as JSON; `None`: what it answered did not fit.
        options: Option<String>,
    },
    /// Asks which second factor is to be set up (`answer`).
    Enrol {
        action: Action,
        email: String,
        /// Whether a passkey would do.
        passkey: bool,
        /// Whether one was to be made, and was not.
        failed: bool,
        other: SafeUrl,
    },
    /// Shows an authenticator app's key, and asks for a code of it (`code`).
    EnrolApp {
        action: Action,
        email: String,
        key: AppKey,
        bad: Option<CodeProblem>,
        /// Whether nothing demands it.
        own: bool,
        back: SafeUrl,
    },
    /// Asks the person's device to make a passkey (`credential`), by `passkey.js`.
    EnrolPasskey {
        action: Action,
        email: String,
        /// What comes back as `challenge`.
        challenge: String,
        /// What the device is asked, as JSON.
        options: String,
        /// What is in the field of its name, where it is asked for (`name`).
        name: Option<String>,
        back: SafeUrl,
    },
    /// Shows recovery codes, once.
    RecoveryCodes { codes: Vec<String>, on: SafeUrl },
    /// Shows somebody's own account.
    Account {
        action: SafeUrl,
        account: AccountFacts,
        /// What was done last.
        done: Option<AccountDone>,
        /// Why it was not.
        problem: Option<Problem>,
    },
    /// Says that an organization's word shows nothing of the account.
    AccountElsewhere { action: Action },
    /// Asks for another name of a passkey (`name`), or to remove it.
    AccountPasskey { rename: Action, remove: Action, id: String, name: String, bad: Option<Problem>, back: SafeUrl },
    /// Asks where to go (`organization`).
    Organizations { action: Action, email: String, choices: Vec<Choice>, other: SafeUrl },
    /// Asks whether an organization's service gets what it asks for (`answer`).
    Consent { action: Action, email: String, asked: ConsentFacts, other: SafeUrl },
    /// Asks whether a provider is linked with the account (`answer`): first to go there, and then whether it is they whom it named.
    Link { action: Action, email: String, link: LinkFacts, trouble: Option<Trouble> },
    /// Says what became of a test sign-in, and goes to the provider.
    Trial { action: Action, trial: TrialFacts },
    /// Asks for the code that a device shows (`code`).
    Device { action: Action, bad: Option<CodeProblem> },
    /// Asks whether a device may go on (`answer`).
    DeviceAsk { action: Action, email: String, device: DeviceFacts, other: SafeUrl },
    /// Says what was answered.
    DeviceDone { approved: bool },
    /// Says why it does not go on.
    Error {
        kind: ErrorKind,
        /// What finds it in our log.
        reference: Option<String>,
        back: Option<Back>,
        /// Where another account is chosen.
        other: Option<SafeUrl>,
    },
    /// Asks before a sign-in that could not start leads to another site.
    Leaving {
        to: SafeUrl,
        application: String,
        /// What a form brings there; without any it is a link.
        fields: Vec<(String, String)>,
    },
    /// Asks whether to sign out.
    SignOut { action: Action, email: String, fields: Vec<(String, String)> },
    /// Says that one is signed out.
    SignedOut { back: Option<Back> },
    /// Sends an answer to a client by a form, which `submit.js` submits.
    FormPost {
        to: SafeUrl,
        fields: Vec<(String, String)>,
        /// The application's name, if it has one.
        application: Option<String>,
    },
    /// Asks for the address whose password is forgotten (`email`).
    ResetRequest {
        action: Action,
        email: String,
        bad: Option<IdentifyProblem>,
        /// Back to the sign-in.
        back: Option<SafeUrl>,
    },
    /// Says that a mail is on its way, whether there is an account or not.
    ResetSent { email: String, back: Option<SafeUrl> },
    /// Asks for the password with which an address is confirmed.
    VerifyEmail { token: String, bad: Option<Problem> },
    /// Asks to confirm a new address.
    ChangeEmail { token: String },
    /// Asks for a new password.
    NewPassword { token: String, bad: Option<Problem> },
    /// Asks for address and password of the first platform owner.
    Setup { token: String, email: String, bad_email: Option<Problem>, bad_password: Option<Problem> },
    /// What a link that signs somebody in leads to: the web client, or the token for who has another.
    MagicLink { token: String, to: Option<SafeUrl> },
    /// Shows the token of an invitation.
    Invitation { token: String },
    /// Says what was done.
    Done { kind: Done },
    /// Says that a mailed link does not work.
    DeadLink,
    /// Says that what was asked did not work.
    Failed { problem: Problem },
}

impl Page {
    /// The template that shows it.
    pub(super) fn template(&self) -> &'static str {
        match self {
            Self::Identify { .. } => "identify.html",
            Self::Password { .. } => "password.html",
            Self::Connections { .. } => "connections.html",
            Self::Prove { .. } => "prove.html",
            Self::SecondFactor { .. } => "second_factor.html",
            Self::MailCode { .. } => "mail_code.html",
            Self::MailedSignIn { .. } => "mailed_sign_in.html",
            Self::Passkey { .. } => "passkey.html",
            Self::Enrol { .. } => "enrol.html",
            Self::EnrolApp { .. } => "enrol_app.html",
            Self::EnrolPasskey { .. } => "enrol_passkey.html",
            Self::RecoveryCodes { .. } => "recovery_codes.html",
            Self::Account { .. } => "account.html",
            Self::AccountElsewhere { .. } => "account_elsewhere.html",
            Self::AccountPasskey { .. } => "account_passkey.html",
            Self::Organizations { .. } => "organizations.html",
            Self::Consent { .. } => "consent.html",
            Self::Link { .. } => "link.html",
            Self::Trial { .. } => "trial.html",
            Self::Device { .. } => "device.html",
            Self::DeviceAsk { .. } => "device_ask.html",
            Self::DeviceDone { .. } => "device_done.html",
            Self::Error { .. } => "error.html",
            Self::Leaving { .. } => "leaving.html",
            Self::SignOut { .. } => "sign_out.html",
            Self::SignedOut { .. } => "signed_out.html",
            Self::FormPost { .. } => "form_post.html",
            Self::ResetRequest { .. } => "reset_request.html",
            Self::ResetSent { .. } => "reset_sent.html",
            Self::VerifyEmail { .. } => "verify_email.html",
            Self::ChangeEmail { .. } => "change_email.html",
            Self::NewPassword { .. } => "new_password.html",
            Self::Setup { .. } => "setup.html",
            Self::MagicLink { .. } => "magic_link.html",
            Self::Invitation { .. } => "invitation.html",
            Self::Done { .. } => "done.html",
            Self::DeadLink => "dead_link.html",
            Self::Failed { .. } => "failed.html",
        }
    }

    /// Whether something did not work: its title says so first, because that is what a screen reader reads first.
    pub(super) fn failed(&self) -> bool {
        match self {
            Self::Identify { bad, .. } | Self::ResetRequest { bad, .. } => bad.is_some(),
            Self::Password { bad, .. } | Self::Prove { bad, .. } => bad.is_some(),
            Self::SecondFactor { bad, .. } | Self::MailCode { bad, .. } => bad.is_some(),
            Self::Device { bad, .. } | Self::EnrolApp { bad, .. } => bad.is_some(),
            Self::Enrol { failed, .. } => *failed,
            Self::Account { problem, .. } => problem.is_some(),
            Self::AccountPasskey { bad, .. } => bad.is_some(),
            Self::VerifyEmail { bad, .. } | Self::NewPassword { bad, .. } => bad.is_some(),
            Self::Setup { bad_email, bad_password, .. } => bad_email.is_some() || bad_password.is_some(),
            Self::Passkey { options, .. } => options.is_none(),
            Self::Trial { trial, .. } => matches!(trial.result, Some(TrialOutcome::Failed { .. })),
            Self::Error { .. } | Self::DeadLink | Self::Failed { .. } => true,
            _ => false,
        }
    }
}
