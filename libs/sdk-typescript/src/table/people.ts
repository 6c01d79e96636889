// Signing in, and what is one's own.

export const auth = {
  register: 'public POST /api/auth/register {}',
  verifyEmail: 'public POST /api/auth/verify-email {}',
  resendVerification: 'public POST /api/auth/resend-verification {}',
  login: 'public POST /api/auth/login {}',
  verifyMfa: 'public POST /api/auth/mfa/verify {}',
  refreshToken: 'public POST /api/auth/refresh {}',
  logout: 'POST /api/auth/logout',
  revoke: 'public POST /auth/revoke form',
  passkeys: {
    beginAuthentication: 'public POST /api/auth/passkeys/authenticate/start',
    finishAuthentication: 'public POST /api/auth/passkeys/authenticate/finish {}',
    beginRegistration: 'POST /api/auth/passkeys/register/start',
    finishRegistration: 'POST /api/auth/passkeys/register/finish {}',
    list: 'GET /api/auth/passkeys',
    update: 'PATCH /api/auth/passkeys/{passkey_id} {}',
    delete: 'DELETE /api/auth/passkeys/{passkey_id}',
  },
  magicLinks: {
    request: 'public POST /api/auth/magic-link/request {}',
    verify: 'public GET /api/auth/magic-link/verify?',
  },
  forgotPassword: 'public POST /api/auth/forgot-password {}',
  resetPassword: 'public POST /api/auth/reset-password {}',
  lookupEmail: 'public POST /api/auth/lookup-email {}',
  getContext: 'public GET /api/auth/context?',
  deviceCode: {
    request: 'public POST /auth/device/code {}',
    verify: 'public POST /auth/device/verify {}',
    exchangeToken: 'public POST /auth/token {}',
  },
} as const;

export const user = {
  changePassword: 'POST /api/user/change-password {}',
  getProfile: 'GET /api/user',
  updateProfile: 'PATCH /api/user {}',
  confirmEmail: 'public POST /api/user/confirm-email {}',
  sessions: {
    list: 'GET /api/user/sessions',
    revokeOthers: 'DELETE /api/user/sessions',
    revoke: 'DELETE /api/user/sessions/{session_id}',
  },
  consents: {
    list: 'GET /api/user/consents',
    revoke: 'DELETE /api/user/consents/{service_id}',
  },
  identities: {
    list: 'GET /api/user/identities',
    startLink: 'POST /api/user/identities/{provider_id}/link',
    unlink: 'DELETE /api/user/identities/{provider_id}',
  },
  mfa: {
    getStatus: 'GET /api/user/mfa/status',
    setup: 'POST /api/user/mfa/setup {}',
    verify: 'POST /api/user/mfa/verify {}',
    regenerateBackupCodes: 'POST /api/user/mfa/backup-codes/regenerate',
    disable: 'DELETE /api/user/mfa',
  },
} as const;

export const invitations = {
  listForOrg: 'GET /api/organizations/{org_slug}/invitations?',
  create: 'POST /api/organizations/{org_slug}/invitations {}',
  cancel: 'POST /api/organizations/{org_slug}/invitations/{invitation_id}',
  listForUser: 'GET /api/invitations',
  accept: 'POST /api/invitations/accept {}',
  decline: 'public POST /api/invitations/decline {}',
  acceptById: 'POST /api/invitations/{invitation_id}/accept',
  declineById: 'POST /api/invitations/{invitation_id}/decline',
} as const;

export const privacy = {
  export: 'GET /api/privacy/export/{user_id}',
  forget: 'DELETE /api/privacy/forget/{user_id}',
} as const;

export const hosts = {
  getContext: 'public GET /api/host',
} as const;
