// What the tests move by hand: time, a server that answers what it is told, locks that two clients share.

import { createSso, memoryStore } from '../dist/index.js';

/** When every test begins, in milliseconds. */
export const NOW = 1_700_000_000_000;
const MINUTE = 60_000;

/** An access token, and its refresh token: `name` tells pairs apart. Ten minutes of life by default. */
export function pair(name, { from = NOW, life = 10 * MINUTE } = {}) {
  const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const access_token = [part({ alg: 'ES256' }), part({ sub: 'usr_ä', name, iat: from / 1000, exp: (from + life) / 1000 }), 'signature'].join('.');
  return { access_token, refresh_token: `rt_${name}`, expires_in: life / 1000 };
}

/** Whose token a request was made with. */
export function nameIn(headers) {
  const token = headers.get('authorization')?.split('.')[1];
  return token && JSON.parse(Buffer.from(token, 'base64url')).name;
}

/** A clock that stands still until it is moved. */
export class ManualClock {
  #time = NOW;
  #timers = new Set();

  now = () => this.#time;
  after = (ms, run) => {
    const timer = { at: this.#time + ms, run };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  };

  /** Everything that can happen without time passing has happened. */
  static quiet = () => new Promise((done) => setImmediate(done));

  move(ms) {
    this.#time += ms;
    for (const timer of [...this.#timers]) if (timer.at <= this.#time && this.#timers.delete(timer)) timer.run();
  }
  get waiting() {
    return this.#timers.size;
  }

  /** Lets time pass, from timer to timer, until a promise is settled; answers how much did. */
  async passUntil(promise) {
    const begin = this.#time;
    let settled = false;
    promise.then(() => (settled = true), () => (settled = true));
    for (let steps = 0; !settled; steps += 1) {
      await ManualClock.quiet();
      const next = Math.min(...[...this.#timers].map(({ at }) => at));
      if (!settled && (next === Infinity || steps > 100)) throw new Error('this never ends');
      if (!settled) this.move(next - this.#time);
    }
    return this.#time - begin;
  }
}

export const json = (status, body, headers) => new Response(JSON.stringify(body), { status, headers: { 'content-type': 'application/json', ...headers } });
export const refused = (status, error_code, code, more) =>
  json(status, { error: 'No.', error_code, code, timestamp: '2026-11-23T09:00:00Z', ...more }, { 'x-request-id': 'req_1' });

/** A server: what was asked of it, and the answers of `answer(request)`. A request to refresh is answered the next pair. */
export class FakeServer {
  asked = [];
  renewals = 0;
  /** The one access token that it takes. */
  good = 'a';

  answer = () => json(200, { fine: true });
  renew = () => {
    this.good = `r${this.renewals}`;
    return json(200, pair(this.good, { from: this.now() }));
  };

  constructor(clock) {
    this.now = clock.now;
  }

  fetch = async (url, { method, headers, body, signal }) => {
    signal?.throwIfAborted();
    const request = { method, path: url.replace('https://sso.example.com', ''), headers, body, by: nameIn(headers), signal };
    this.asked.push(request);
    if (request.path === '/api/auth/refresh') {
      this.renewals += 1;
      return this.renew(request);
    }
    if (request.by && request.by !== this.good) return refused(401, 'UNAUTHORIZED', 'invalid_token');
    return this.answer(request);
  };
  get paths() {
    return this.asked.map(({ method, path }) => `${method} ${path}`);
  }
}

/** Web Locks, as far as they are needed: exclusive ones one after the other, shared ones at once. */
export function sharedLocks() {
  const [last, held] = [new Map(), new Set()];
  return {
    async request(name, { mode, signal }, run) {
      const before = mode === 'shared' ? undefined : last.get(name);
      const turn = Promise.resolve(before).then(async () => {
        signal?.throwIfAborted();
        const lock = { name };
        held.add(lock);
        return run().finally(() => held.delete(lock));
      });
      if (mode !== 'shared') last.set(name, turn.catch(() => undefined));
      return turn;
    },
    query: async () => ({ held: [...held] }),
  };
}

/** A client, signed in as `a`, with everything that it hangs on. */
export function world(more = {}) {
  const clock = more.clock ?? new ManualClock();
  const server = more.server ?? new FakeServer(clock);
  const store = more.store ?? memoryStore();
  if (more.tokens !== null) store.write(more.tokens ?? pair('a'));
  let ends = 0;
  const options = { baseUrl: 'https://sso.example.com/', fetch: server.fetch, clock, store, random: () => 0.5, locks: null };
  const sso = createSso({ ...options, onSessionEnd: () => (ends += 1), ...more.options });
  return { sso, clock, server, store, ends: () => ends };
}
