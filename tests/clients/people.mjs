// People and organizations at our API, as a dashboard would make them, and what they have in their hands: a mailbox, an authenticator app.

import { createHmac } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

/** Everybody's. */
export const PASSWORD = 'a long sentence only I know';

/** Longer than anything takes that will happen at all. */
export const NEVER = 120_000;

/** Asks again and again until there is an answer; says what was waited for if there never is. */
export async function until(what, probe) {
  const deadline = Date.now() + NEVER;
  for (;;) {
    const found = await probe();
    if (found) return found;
    if (Date.now() > deadline) throw new Error(`after ${NEVER / 1000} seconds still not: ${what}`);
    await pause(50);
  }
}

/** A server, in somebody's name. */
export class Api {
  constructor(base, mails, token) {
    Object.assign(this, { base, mails, token });
  }

  async call(method, path, body) {
    const headers = { 'content-type': 'application/json', ...(this.token && { authorization: `Bearer ${this.token}` }) };
    const answer = await fetch(this.base + path, { method, headers, body: body && JSON.stringify(body) });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    return text ? JSON.parse(text) : {};
  }
  post(path, body) {
    return this.call('POST', path, body);
  }

  as(token) {
    return new Api(this.base, this.mails, token);
  }
  async login(email) {
    return this.as((await this.post('/api/auth/login', { email, password: PASSWORD })).access_token);
  }

  /** Signs somebody up, with the mailed link, and in. */
  async signUp(email) {
    await this.post('/api/auth/register', { email, password: PASSWORD });
    const token = (await this.mailedLink(email, 'verify-email')).searchParams.get('token');
    await this.post('/api/auth/verify-email', { token, password: PASSWORD });
    return this.login(email);
  }

  /** Founds an organization; answers its founder's API for it. */
  async found(slug, name) {
    return this.as((await this.post('/api/organizations', { slug, name })).access_token);
  }

  async #newest(email, find) {
    const names = (await readdir(this.mails).catch(() => [])).filter((name) => name.endsWith('.eml')).sort().reverse();
    for (const name of names) {
      const mail = (await readFile(join(this.mails, name), 'utf8')).replace(/=\r?\n/g, '').replaceAll('=3D', '=');
      const found = mail.includes(`To: ${email}`) && find(mail);
      if (found) return found;
    }
    return undefined;
  }
  /** The link to a page in the newest mail to somebody that has one. */
  mailedLink(email, page) {
    const find = (mail) => mail.split(/\s/).find((word) => word.startsWith('http') && word.includes(page));
    return until(`a mail to ${email} with a link to ${page}`, () => this.#newest(email, find)).then((link) => new URL(link));
  }
  /** The code in the newest mail to somebody that has one. */
  mailedCode(email) {
    return until(`a mail to ${email} with a code`, () => this.#newest(email, (mail) => /^(\d{6})\r?$/m.exec(mail)?.[1]));
  }

  /** The code in the newest mail that signs somebody in. */
  mailedSignInCode(email) {
    return until(`a mail to ${email} with a code`, () => this.#newest(email, (mail) => /^(\d{8})\r?$/m.exec(mail)?.[1]));
  }

  /** Sets an authenticator app up. It is confirmed with the code before this one, so that this one is still good. */
  async authenticator() {
    const { secret } = await this.post('/api/user/mfa/setup', {});
    await until('the code before this one is good', () => this.post('/api/user/mfa/verify', { code: totp(secret, -1) }).catch(() => null));
    return () => totp(secret, 0);
  }
}

/** RFC 6238. */
export function totp(secret, steps) {
  const bits = [...secret].map((letter) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(letter).toString(2).padStart(5, '0')).join('');
  const key = Buffer.from(bits.match(/.{8}/g).map((byte) => Number.parseInt(byte, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000) + steps));
  const mac = createHmac('sha1', key).update(counter).digest();
  return String((mac.readUInt32BE(mac.at(-1) & 15) & 0x7fffffff) % 1_000_000).padStart(6, '0');
}
