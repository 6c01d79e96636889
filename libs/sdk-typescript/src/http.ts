// Requests: what is sent, how long is waited, what is sent again, and what an answer says.

import { type Clock, pause, until, within } from './clock.js';
import { noAnswer, refusal, secondsToWait, SsoError } from './error.js';
import type { Session } from './session.js';
import type { Entry } from './table.js';

/** What can be said of a call, after its arguments. */
export interface CallOptions {
  /** Ends the call, which then throws the signal's reason. */
  signal?: AbortSignal | undefined;
  /** How long the call may take altogether, in milliseconds, instead of the client's `timeoutMs`. */
  timeoutMs?: number | undefined;
  headers?: Record<string, string> | undefined;
  /** Sees the answer, for its headers (`ETag`, `RateLimit-Remaining`, …); its body is the method's result. */
  onResponse?: ((response: Response) => void) | undefined;
}

interface EveryOption extends CallOptions {
  idempotencyKey?: string;
  ifMatch?: string;
}

/** A request of the caller's own. It may have to be sent twice, so its body is no stream. */
export type OwnRequest = Omit<RequestInit, 'body'> & { body?: string | Blob | FormData | URLSearchParams };

export interface HttpConfig {
  base: string;
  fetch: typeof fetch;
  clock: Clock;
  random: () => number;
  timeoutMs: number;
  retries: number;
  apiKey: string | undefined;
}

interface Wire {
  url: string;
  init: RequestInit & { headers: Headers };
  /** No token is sent. */
  open: boolean;
  /** It does no harm to send it twice. */
  repeatable: boolean;
}

export class Http {
  readonly #config: HttpConfig;
  readonly session: Session;

  constructor(config: HttpConfig, sessionOf: (http: Http) => Session) {
    this.#config = config;
    this.session = sessionOf(this);
  }

  /** Calls the operation of an entry: the path's parameters, its body, its query, and the options. */
  async call(entry: Entry, args: unknown[]): Promise<unknown> {
    const { rest, url } = this.#address(entry, args);
    const body = entry.body && rest.shift();
    if (entry.query) addQuery(url, rest.shift());
    const options = (rest.shift() ?? {}) as EveryOption;
    const wire = wireOf(entry, url, body, options);
    return within(this.#config.clock, options.timeoutMs ?? this.#config.timeoutMs, options.signal, async (signal) => {
      const response = await this.#authorized(wire, signal);
      options.onResponse?.(response);
      const answer = await answered(response, signal);
      if (!response.ok) throw refusal(response, answer);
      return answer;
    });
  }

  /** The address of what an entry names. */
  address(entry: Entry, args: unknown[]): string {
    const { rest, url } = this.#address(entry, args);
    if (entry.query) addQuery(url, rest.shift());
    return url.href;
  }

  /** The answer to a request of the caller's own at a path of the server, in the session's name, whatever it says. The caller's signal alone ends it. */
  async fetch(path: string, init: OwnRequest = {}): Promise<Response> {
    if (!path.startsWith('/')) throw new TypeError('A path of the server begins with a slash.');
    const { signal, ...more } = init;
    const wire = { url: this.#config.base + path, init: { ...more, headers: new Headers(init.headers) }, open: false, repeatable: false };
    return until(signal ?? new AbortController().signal, (ends) => this.#authorized(wire, ends));
  }

  #address(entry: Entry, args: unknown[]): { rest: unknown[]; url: URL } {
    const rest = [...args];
    const path = entry.path.replace(/\{(\w+)\}/g, (_, name: string) => segment(name, rest.shift()));
    return { rest, url: new URL(this.#config.base + path) };
  }

  /** With the session's token, and once more if the server takes it no longer; a refused token has done nothing, so this is safe for writes. */
  async #authorized(wire: Wire, signal: AbortSignal): Promise<Response> {
    const { apiKey } = this.#config;
    if (wire.open) return this.#persistent(wire, signal);
    if (apiKey !== undefined) return this.#persistent(withHeader(wire, 'x-api-key', apiKey), signal);
    const token = await this.session.accessToken();
    if (token === undefined) return this.#persistent(wire, signal);
    const response = await this.#persistent(withHeader(wire, 'authorization', `Bearer ${token}`), signal);
    if (response.status !== 401) return response;
    const next = await this.session.renewed(token);
    if (next === undefined) return response;
    await response.body?.cancel();
    return this.#persistent(withHeader(wire, 'authorization', `Bearer ${next}`), signal);
  }

  /** Sent again, a little later each time, while there is no answer or a passing one; only what does no harm twice. */
  async #persistent(wire: Wire, signal: AbortSignal): Promise<Response> {
    const { clock, random, retries } = this.#config;
    for (let attempt = 0; ; attempt += 1) {
      const outcome = await this.#once(wire, signal);
      const wait = wire.repeatable && attempt < retries ? waitAfter(outcome, attempt, random) : undefined;
      if (wait === undefined) {
        if (outcome instanceof SsoError) throw outcome;
        return outcome;
      }
      if (!(outcome instanceof SsoError)) await outcome.body?.cancel();
      await pause(clock, wait, signal);
    }
  }

  async #once(wire: Wire, signal: AbortSignal): Promise<Response | SsoError> {
    try {
      return await this.#config.fetch(wire.url, { ...wire.init, signal });
    } catch (e) {
      if (signal.aborted) throw signal.reason;
      return noAnswer(e);
    }
  }
}

/** A path's parameter. What URLs read as steps would lead to another operation. */
function segment(name: string, value: unknown): string {
  if (typeof value !== 'string' || ['', '.', '..'].includes(value)) throw new TypeError(`${name} names nothing: ${JSON.stringify(value)}`);
  return encodeURIComponent(value);
}

function addQuery(url: URL, query: unknown): void {
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value !== null && value !== undefined) url.searchParams.set(name, String(value));
  }
}

function wireOf(entry: Entry, url: URL, body: unknown, options: EveryOption): Wire {
  const headers = new Headers({ accept: 'application/json', ...options.headers });
  if (options.idempotencyKey !== undefined) headers.set('idempotency-key', options.idempotencyKey);
  if (options.ifMatch !== undefined) headers.set('if-match', options.ifMatch);
  const init: Wire['init'] = { method: entry.method, headers };
  if (entry.body === 'form') init.body = new URLSearchParams(body as Record<string, string>);
  if (entry.body === 'json' && body !== undefined) {
    headers.set('content-type', 'application/json');
    init.body = JSON.stringify(body);
  }
  // A refresh whose answer got lost may be repeated for some seconds: the server answers the same pair.
  const repeatable = entry.method === 'GET' || options.idempotencyKey !== undefined || entry.path === '/api/auth/refresh';
  return { url: url.href, init, open: entry.open, repeatable };
}

function withHeader(wire: Wire, name: string, value: string): Wire {
  const headers = new Headers(wire.init.headers);
  headers.set(name, value);
  return { ...wire, init: { ...wire.init, headers } };
}

const PASSING = [429, 502, 503, 504];
const LONGEST_WAIT = 10_000;

/** After how many milliseconds it is worth trying again; `undefined`: it is not. */
function waitAfter(outcome: Response | SsoError, attempt: number, random: () => number): number | undefined {
  if (!(outcome instanceof SsoError) && !PASSING.includes(outcome.status)) return undefined;
  const asked = outcome instanceof SsoError ? undefined : secondsToWait(outcome);
  const wait = asked === undefined ? 250 * 2 ** attempt * (0.5 + random()) : asked * 1000;
  return wait <= LONGEST_WAIT ? wait : undefined;
}

/** JSON where the answer says so, else its text; nothing for an empty one. */
async function answered(response: Response, signal: AbortSignal): Promise<unknown> {
  let text: string;
  try {
    text = await response.text();
  } catch (e) {
    if (signal.aborted) throw signal.reason;
    throw noAnswer(e);
  }
  if (text === '') return undefined;
  if (!response.headers.get('content-type')?.includes('application/json')) return text;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
