// What every script here begins with: its task, and an end in any case. Import it first.

import { webcrypto } from 'node:crypto';
import { setDefaultResultOrder } from 'node:dns';

export { expect } from './expect.mjs';

// Node 18, which Debian 12 has, keeps these to itself.
globalThis.crypto ??= webcrypto;
globalThis.CryptoKey ??= webcrypto.CryptoKey;
// The servers of a test listen at IPv4 only, whatever localhost is first.
setDefaultResultOrder('ipv4first');

/** What the test that started this script says, as JSON. */
export const task = JSON.parse(process.argv[2]);

const LONGEST = 10 * 60 * 1000;
setTimeout(() => {
  console.error(`${process.argv[1]} has not come to an end after ${LONGEST / 60_000} minutes`);
  process.exit(1);
}, LONGEST).unref();
