// Time, so that tests can move it, and waiting that always ends.

import { timedOut } from './error.js';

export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
  /** Runs something later; answers how to call it off. */
  after(ms: number, run: () => void): () => void;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  after(ms, run) {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
};

/** Settles as `work` does, unless the signal comes first. */
export async function until<T>(signal: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  signal.throwIfAborted();
  let stop = () => {};
  const stopped = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason as unknown);
    signal.addEventListener('abort', stop, { once: true });
  });
  try {
    return await Promise.race([work(signal), stopped]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

/** Ends `work` after so long, or when the caller's own signal says so. */
export async function within<T>(clock: Clock, ms: number, outer: AbortSignal | undefined, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const cancel = clock.after(ms, () => controller.abort(timedOut(ms)));
  const abort = () => controller.abort(outer?.reason);
  if (outer?.aborted) abort();
  outer?.addEventListener('abort', abort, { once: true });
  try {
    return await until(controller.signal, work);
  } finally {
    cancel();
    outer?.removeEventListener('abort', abort);
  }
}

export function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  let cancel = () => {};
  return until(signal, () => new Promise<void>((done) => void (cancel = clock.after(ms, done)))).finally(() => cancel());
}
