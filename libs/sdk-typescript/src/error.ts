// Whatever goes wrong is an SsoError, except where the caller's own signal ends a call: that throws the signal's reason, as fetch does.

import type { Schemas } from './types.js';

type Detail = Schemas['Detail'];
type StepUp = Schemas['StepUpBody'];

interface Facts {
  status: number;
  errorCode: string;
  code: string;
  details?: readonly Detail[] | undefined;
  stepUp?: StepUp | undefined;
  requestId?: string | undefined;
  retryAfter?: number | undefined;
  cause?: unknown;
}

/** A refusal by the server, or its silence. */
export class SsoError extends Error {
  override readonly name = 'SsoError';
  /** The HTTP status; 0 where there was no answer, 408 where it took too long. */
  readonly status: number;
  /** The kind: `BAD_REQUEST`, `UNAUTHORIZED`, …; ours are `NETWORK_ERROR`, `TIMEOUT` and `UNKNOWN_ERROR` (not an answer of Tenantry's). */
  readonly errorCode: string;
  /** Which refusal exactly, for programs: `slug_taken`, `too_short`, … */
  readonly code: string;
  /** Every field that is not valid. */
  readonly details: readonly Detail[];
  /** What to do before the same request will do, where `code` is `step_up_required`. */
  readonly stepUp: StepUp | undefined;
  /** Names the request in the server's log. */
  readonly requestId: string | undefined;
  /** Seconds after which it is worth trying again, where the server says so. */
  readonly retryAfter: number | undefined;

  constructor(message: string, facts: Facts) {
    super(message, facts.cause === undefined ? undefined : { cause: facts.cause });
    this.status = facts.status;
    this.errorCode = facts.errorCode;
    this.code = facts.code;
    this.details = facts.details ?? [];
    this.stepUp = facts.stepUp;
    this.requestId = facts.requestId;
    this.retryAfter = facts.retryAfter;
  }

  /** Nobody is signed in, or no longer. */
  get isAuthError(): boolean {
    return this.status === 401 || this.errorCode === 'UNAUTHORIZED' || this.errorCode === 'TOKEN_EXPIRED';
  }
  get isForbidden(): boolean {
    return this.status === 403;
  }
  get isNotFound(): boolean {
    return this.status === 404;
  }
}

export function noAnswer(cause: unknown): SsoError {
  return new SsoError('The server could not be reached.', { status: 0, errorCode: 'NETWORK_ERROR', code: 'network_error', cause });
}

export function timedOut(ms: number): SsoError {
  return new SsoError(`There was no answer within ${ms} ms.`, { status: 408, errorCode: 'TIMEOUT', code: 'timeout' });
}

/** What `Retry-After` says. */
export function secondsToWait(response: Response): number | undefined {
  const seconds = Number.parseInt(response.headers.get('retry-after') ?? '', 10);
  return Number.isNaN(seconds) ? undefined : seconds;
}

/** What an answer that is not 2xx says. */
export function refusal(response: Response, body: unknown): SsoError {
  const said = (typeof body === 'object' && body !== null ? body : {}) as Record<string, unknown>;
  const facts = {
    status: response.status,
    requestId: response.headers.get('x-request-id') ?? undefined,
    retryAfter: secondsToWait(response),
  };
  const { error, error_code: errorCode, code, details, step_up: stepUp } = said;
  if (typeof error !== 'string' || typeof errorCode !== 'string') {
    return new SsoError(`The answer ${response.status} is not one of Tenantry's.`, { ...facts, errorCode: 'UNKNOWN_ERROR', code: 'unknown_error' });
  }
  return new SsoError(error, {
    ...facts,
    errorCode,
    code: typeof code === 'string' ? code : errorCode.toLowerCase(),
    details: Array.isArray(details) ? (details as Detail[]) : undefined,
    stepUp: (stepUp as StepUp | null | undefined) ?? undefined,
  });
}
