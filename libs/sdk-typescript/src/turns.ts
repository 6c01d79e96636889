// One at a time: within this client by a queue, and between the tabs of a browser by a Web Lock.
//
// What a tab writes into localStorage reaches the others on another way than the lock does, and later: a tab can have its turn before it sees what the
// tab before it wrote. So whoever changed the session says so by holding a second lock, named after the token that is the session's no longer. All that locks
// are is known to the browser at once.

import type { Clock } from './clock.js';
import { timedOut } from './error.js';

/** The part of the Web Locks API that is needed. */
export interface Locks {
  request<T>(name: string, options: { mode?: 'shared'; signal?: AbortSignal }, run: () => Promise<T>): Promise<T>;
  query(): Promise<{ held?: { name?: string }[] }>;
}

export interface TurnsConfig {
  clock: Clock;
  locks: Locks | undefined;
  /** What those who take turns have in common. */
  name: string;
  /** How long a tab waits for the others, in milliseconds. */
  timeoutMs: number;
}

/** So long, in milliseconds, that everybody has seen what was written. */
const SAID_FOR = 10_000;

export class Turns {
  readonly #config: TurnsConfig;
  #last: Promise<unknown> = Promise.resolve();

  constructor(config: TurnsConfig) {
    this.#config = config;
  }

  /** Works when everybody before has ended. */
  take<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(() => this.#locked(work));
    this.#last = turn.catch(() => undefined);
    return turn;
  }

  /** Waits for other tabs, but not for ever: the browser may have put one to sleep. */
  async #locked<T>(work: () => Promise<T>): Promise<T> {
    const { clock, locks, name, timeoutMs } = this.#config;
    if (!locks) return work();
    const waiting = new AbortController();
    const cancel = clock.after(timeoutMs, () => waiting.abort(timedOut(timeoutMs)));
    const granted = () => (cancel(), work());
    return locks.request(name, { signal: waiting.signal }, granted).finally(cancel);
  }

  /** Tells the tabs whose turn comes next that the session goes on without this token. */
  async say(token: string): Promise<void> {
    const { clock, locks } = this.#config;
    if (!locks) return;
    await new Promise<void>((said) => {
      const held = () => new Promise<void>((end) => {
        // Not for ever: browsers keep no page that holds a lock ready for the way back.
        clock.after(SAID_FOR, end);
        said();
      });
      // Shared: several may say the same. If it cannot be said, the server still repeats its answer to a token that was just used.
      locks.request(this.#word(token), { mode: 'shared' }, held).catch(() => said());
    });
  }

  /** Whether a tab said so. */
  async said(token: string): Promise<boolean> {
    const { held = [] } = (await this.#config.locks?.query()) ?? {};
    return held.some(({ name }) => name === this.#word(token));
  }

  /** The end of a token, which is the end of its signature, tells it from others and opens nothing. */
  #word(token: string): string {
    return `${this.#config.name}: without ${token.slice(-12)}`;
  }
}
