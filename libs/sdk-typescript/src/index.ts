// Tenantry's SDK: createSso makes a client, whose methods have the names of the API's operations.

import { type Clock, systemClock } from './clock.js';
import { contract } from './contract.js';
import { Http, type OwnRequest } from './http.js';
import { Session } from './session.js';
import { memoryStore, type Tokens, type TokenStore } from './store.js';
import { read, table } from './table.js';
import { type Locks, Turns } from './turns.js';
import type { Methods, Overlay } from './types.js';

export type { Clock } from './clock.js';
export { needsMfa } from './contract.js';
export { SsoError } from './error.js';
export type { CallOptions, OwnRequest } from './http.js';
export { localStorageStore, memoryStore, type Tokens, type TokenStore, type WebStorage } from './store.js';
export type { Locks } from './turns.js';
export type { Schemas } from './types.js';

export interface SsoOptions {
  /** Where Tenantry is: `https://sso.example.com`. */
  baseUrl: string;
  /** Where the session's tokens are kept; `memoryStore()` by default. */
  store?: TokenStore;
  /** Calls are made with this API key, of an organization or a service, and not in a person's name. Never in a browser. */
  apiKey?: string;
  /** Called when the server ended the session: somebody has to sign in. */
  onSessionEnd?: () => void;
  /** How long a call may take, in milliseconds; 30 seconds by default. */
  timeoutMs?: number;
  /** How often reads, and writes with an `idempotencyKey`, are sent again when the network or the server fails; 2 by default. */
  retries?: number;
  fetch?: typeof fetch;
  clock?: Clock;
  /** Random numbers from 0 to 1, by which repetitions are spread. */
  random?: () => number;
  /** The lock that tabs share while one renews the session: `navigator.locks` where there is one. `null`: none. */
  locks?: Locks | null;
}

type Operations = Methods<typeof table>;

/** The session as an application uses it. */
export type SsoSession = Pick<Session, 'tokens' | 'set' | 'clear' | 'accessToken'>;

type Named = Overlay<Operations, ReturnType<typeof contract>>;

/** A client: the API's operations by their names. */
export interface Sso extends Named {
  /** Who is signed in, here. */
  readonly session: SsoSession;
  /** A request of your own, in the session's name: streams, files, what the SDK has no method for. It has no time limit but your signal. */
  readonly fetch: (path: string, init?: OwnRequest) => Promise<Response>;
}

export function createSso(options: SsoOptions): Sso {
  const base = new URL(options.baseUrl).href.replace(/\/$/, '');
  const { clock = systemClock, timeoutMs = 30_000, locks = browserLocks() } = options;
  // A function of the page, which wants to be called as one.
  const send = options.fetch ?? ((url, init) => globalThis.fetch(url, init));
  const { random = Math.random, retries = 2, apiKey } = options;
  const http: Http = new Http({ base, fetch: send, clock, random, timeoutMs, retries, apiKey }, (caller) => new Session({
    store: options.store ?? memoryStore(), clock,
    turns: new Turns({ clock, timeoutMs, locks: locks ?? undefined, name: `tenantry session at ${base}` }),
    renew: (refresh_token) => caller.call(read(table.auth.refreshToken), [{ refresh_token }]) as Promise<Tokens>,
    onEnd: options.onSessionEnd,
  }));
  const operations = methods(table, http) as Operations;
  const named = merged(operations, contract(operations, http.session)) as Named;
  return { ...named, session: http.session, fetch: (path, init) => http.fetch(path, init) };
}

function browserLocks(): Locks | undefined {
  return (globalThis as { navigator?: { locks?: Locks } }).navigator?.locks;
}

interface Tree {
  [name: string]: string | Tree;
}

/** What is done for each entry of a table. */
function methods(tree: Tree, http: Http): object {
  return mapped(tree, (node) => {
    if (typeof node !== 'string') return methods(node, http);
    const entry = read(node);
    return entry.asUrl ? (...args: unknown[]) => http.address(entry, args) : (...args: unknown[]) => http.call(entry, args);
  });
}

function merged(below: object, above: object): object {
  const over = above as Record<string, object>;
  const both = (node: object, name: string) => (typeof node === 'object' && over[name] ? merged(node, over[name]) : (over[name] ?? node));
  return mapped(below as Record<string, object>, both);
}

function mapped<T>(tree: Record<string, T>, change: (node: T, name: string) => unknown): object {
  return Object.fromEntries(Object.entries(tree).map(([name, node]) => [name, change(node, name)]));
}
