// The session: renewed ahead of its end or when the server no longer takes its token, by one request at a time. A refresh token works once, so two
// renewals of the same session at once would look like theft and end it. Hence whatever goes on with other tokens takes its turn, and whoever comes to its
// turn first looks whether somebody was here already.

import { type Clock, pause } from './clock.js';
import { SsoError } from './error.js';
import { times } from './jwt.js';
import type { TokenStore, Tokens } from './store.js';
import type { Turns } from './turns.js';

export interface SessionConfig {
  store: TokenStore;
  clock: Clock;
  turns: Turns;
  /** Asks the server for the next pair. */
  renew: (refreshToken: string) => Promise<Tokens>;
  onEnd: (() => void) | undefined;
}

/** So long before its end, in milliseconds, a token is renewed; but not in the first half of its life. */
const AHEAD = 30_000;

/** How often, and in how many milliseconds, another tab's word is looked for in the store. */
const LOOKS = 100;
const BETWEEN_LOOKS = 20;

export class Session {
  readonly #config: SessionConfig;
  /** How far the server's clock is ahead of ours. */
  #skew = 0;
  #renewal: { of: string; done: Promise<string | undefined> } | undefined;

  constructor(config: SessionConfig) {
    this.#config = config;
  }

  /** The tokens as they are kept; `undefined`: nobody is signed in. */
  async tokens(): Promise<Tokens | undefined> {
    return this.#config.store.read();
  }

  /** Goes on with these, which a sign-in, `create` or another program answered. */
  async set(tokens: Tokens): Promise<void> {
    await this.#config.turns.take(() => this.#keep(tokens));
  }

  /** Forgets the session, at once: a renewal that is on its way does not bring it back. The server is not told: that is `sso.auth.logout`. */
  async clear(): Promise<void> {
    await this.#config.store.write(undefined);
  }

  /** A token to call with, here or at your own API, renewed if it is about to end; `undefined`: nobody is signed in. */
  async accessToken(): Promise<string | undefined> {
    const token = (await this.tokens())?.access_token;
    if (token === undefined || !this.#endsSoon(token)) return token;
    // If it cannot be renewed just now, it may still do; and if not, the server says so.
    return this.renewed(token).catch(() => token);
  }

  /** The token that came after this one, which is renewed if it is still the present one. `undefined`: the session is over. */
  async renewed(used: string): Promise<string | undefined> {
    if (this.#renewal?.of !== used) this.#renewal = { of: used, done: this.#config.turns.take(() => this.#renew(used)) };
    const renewal = this.#renewal;
    try {
      return await renewal.done;
    } finally {
      if (this.#renewal === renewal) this.#renewal = undefined;
    }
  }

  /** A renewal by hand, which takes its turn; if the refresh token is the session's, the session goes on with the answer. */
  async renewedBy<T extends Tokens>(refreshToken: string, renew: () => Promise<T>): Promise<T> {
    return this.#config.turns.take(async () => {
      const answer = await renew();
      if ((await this.tokens())?.refresh_token === refreshToken) await this.#keep(answer);
      return answer;
    });
  }

  async #renew(used: string): Promise<string | undefined> {
    const { store, renew, onEnd } = this.#config;
    const tokens = await this.#seen(used);
    // Another tab renewed it, or somebody switched to another organization or signed out.
    if (tokens?.access_token !== used) return tokens?.access_token;
    const outcome = await renew(tokens.refresh_token).catch(refused);
    // Signing out waits for nobody, nor does a tab of a browser without locks.
    const now = await store.read();
    if (now?.refresh_token !== tokens.refresh_token) return now?.access_token;
    if (outcome) {
      await this.#keep(outcome);
      return outcome.access_token;
    }
    await store.write(undefined);
    onEnd?.();
    return undefined;
  }

  /** The tokens as they are kept, once what another tab said of this one's is to be seen here, too. */
  async #seen(used: string): Promise<Tokens | undefined> {
    const { store, turns, clock } = this.#config;
    let tokens = await store.read();
    for (let look = 0; look < LOOKS && tokens?.access_token === used && (await turns.said(used)); look += 1) {
      await pause(clock, BETWEEN_LOOKS, new AbortController().signal);
      tokens = await store.read();
    }
    return tokens;
  }

  async #keep({ access_token, refresh_token }: Tokens): Promise<void> {
    const { store, turns, clock } = this.#config;
    const before = await store.read();
    const made = times(access_token);
    // It was made just now: what is left of its life is told by the difference, however wrong this machine's clock is.
    if (made) this.#skew = made.issued - clock.now();
    await store.write({ access_token, refresh_token });
    if (before) await turns.say(before.access_token);
  }

  #endsSoon(token: string): boolean {
    const made = times(token);
    if (!made) return false;
    const ahead = Math.min(AHEAD, (made.ends - made.issued) / 2);
    return made.ends - (this.#config.clock.now() + this.#skew) <= ahead;
  }
}

/** Only a refusal ends a session: without a network, or at a busy server, it waits. */
function refused(e: unknown): undefined {
  if (!(e instanceof SsoError && [400, 401, 403].includes(e.status))) throw e;
}
