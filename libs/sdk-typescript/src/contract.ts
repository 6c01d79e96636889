// Methods that are more than one call of an operation, or take their arguments otherwise than the operation does.

import type { CallOptions } from './http.js';
import { SsoError } from './error.js';
import type { Session } from './session.js';
import type { Tokens } from './store.js';
import type { table } from './table.js';
import type { Methods, Schemas } from './types.js';

type Operations = Methods<typeof table>;

/**
 * Whether a sign-in waits for a second factor: its `access_token` then goes to `sso.auth.verifyMfa`, with a code, and nobody is signed in yet.
 */
export function needsMfa(answer: Tokens): boolean {
  return answer.refresh_token === '';
}

async function enter<T extends Tokens>(session: Session, answer: T): Promise<T> {
  if (!needsMfa(answer)) await session.set(answer);
  return answer;
}

export function contract(api: Operations, session: Session) {
  return {
    auth: {
      /** Signs in; the session is the new one, unless a second factor is missing (see `needsMfa`). */
      login: async (body: Schemas['LoginRequest'], options?: CallOptions) => enter(session, await api.auth.login(body, options)),
      /** Completes a sign-in with a code of the app, a recovery code or the mailed code; the session is the new one. */
      verifyMfa: async (preauthToken: string, code: string, options?: CallOptions) =>
        enter(session, await api.auth.verifyMfa({ preauth_token: preauthToken, code }, options)),
      magicLinks: {
        /** Signs in with the token of a mailed link; the session is the new one, unless a second factor is missing (see `needsMfa`). */
        verify: async (token: string, options?: CallOptions) => enter(session, await api.auth.magicLinks.verify({ token }, options)),
      },
      /** The pair that comes after a refresh token's. Only for tokens of your own keeping: the session renews itself. */
      refreshToken: (refreshToken: string, options?: CallOptions) =>
        session.renewedBy(refreshToken, () => api.auth.refreshToken({ refresh_token: refreshToken }, options)),
      /** Ends the session, at the server and here. */
      logout: async (options?: CallOptions): Promise<void> => {
        try {
          await api.auth.logout(options);
        } catch (e) {
          // It was over already.
          if (!(e instanceof SsoError && e.isAuthError)) throw e;
        } finally {
          await session.clear();
        }
      },
    },
    organizations: {
      /** Switches to an organization: the session is the one for it. */
      select: async (...args: Parameters<Operations['organizations']['select']>) => enter(session, await api.organizations.select(...args)),
      members: {
        /** Makes somebody a member at once: invites, and accepts in their name. If the second is refused, the invitation stays pending. */
        add: async (slug: string, body: Schemas['CreateInvitationRequest'], options?: CallOptions) => {
          const { invitation } = await api.invitations.create(slug, body, options);
          await api.organizations.members.add(slug, invitation.id, options);
          return invitation;
        },
      },
    },
    invitations: {
      accept: (token: string, options?: CallOptions) => api.invitations.accept({ token }, options),
      decline: (token: string, options?: CallOptions) => api.invitations.decline({ token }, options),
    },
  };
}
