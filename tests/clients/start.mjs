// What every script here begins with: its task, and an end in any case. Import it first.

import { webcrypto } from 'node:crypto';

// Node 18, which Debian 12 has, keeps these to itself.
globalThis.crypto ??= webcrypto;
globalThis.CryptoKey ??= webcrypto.CryptoKey;

/** What the test that started this script says, as JSON. */
export const task = JSON.parse(process.argv[2]);

const LONGEST = 10 * 60 * 1000;
setTimeout(() => {
  console.error(`${process.argv[1]} has not come to an end after ${LONGEST / 60_000} minutes`);
  process.exit(1);
}, LONGEST).unref();

/** Fails with what was seen. */
export function expect(what, seen, wanted = true) {
  const [is, should] = [JSON.stringify(seen), JSON.stringify(wanted)];
  if (is !== should) throw new Error(`${what}: ${is} instead of ${should}`);
}
