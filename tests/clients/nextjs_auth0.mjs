// Auth0's SDK for Next.js signs somebody in: its routes are called with the requests that Next would hand to its middleware. No page is built.

import { expect, task } from './start.mjs';
import { randomBytes } from 'node:crypto';
import { setDefaultResultOrder } from 'node:dns';
import { Browser } from './forms.mjs';

// Node 18 asks ::1 for localhost and gives up.
setDefaultResultOrder('ipv4first');
// Only now: what they load looks for what start.mjs provides.
const { Auth0Client } = await import('@auth0/nextjs-auth0/server');
const { NextRequest, NextResponse } = await import('next/server.js');

const { base, home, person } = task;

/** An application on the SDK, and the cookies that the person's browser keeps for it. */
class Application {
  #cookies = new Map();

  constructor(options) {
    this.sdk = new Auth0Client({
      domain: base, clientId: task.client.client_id, clientSecret: task.client.client_secret, appBaseUrl: home,
      secret: randomBytes(32).toString('hex'), allowInsecureRequests: true,
      authorizationParameters: { scope: 'openid profile email offline_access' }, ...options,
    });
  }

  request(path) {
    const cookie = [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    return new NextRequest(new URL(path, home), { headers: { cookie } });
  }
  keep(response) {
    for (const { name, value, maxAge } of response.cookies.getAll()) {
      if (maxAge === 0 || value === '') this.#cookies.delete(name);
      else this.#cookies.set(name, value);
    }
    return response;
  }
  async get(path) {
    return this.keep(await this.sdk.middleware(this.request(path)));
  }
  /** Where a route sends the browser. */
  async to(path) {
    const response = await this.get(path);
    const to = response.headers.get('location');
    if (!to) throw new Error(`${path} leads nowhere: ${response.status} ${await response.text()}`);
    return to;
  }
}

async function visit(options) {
  const [application, browser] = [new Application(options), new Browser(base)];
  const back = await browser.signIn(await application.to('/auth/login?returnTo=/admin'), person);
  expect('where the callback leads', await application.to(back.href), `${home}/admin`);
  const profile = await (await application.get('/auth/profile')).json();
  expect('the address', profile.email, person.email);

  const session = await application.sdk.getSession(application.request('/'));
  const response = NextResponse.next();
  const renewed = await application.sdk.getAccessToken(application.request('/'), response, { refresh: true });
  application.keep(response);
  expect('another access token', renewed.token !== session.tokenSet.accessToken && renewed.token.length > 0);
  const after = await application.sdk.getSession(application.request('/'));
  expect('who it is after renewing', [after.user.sub, after.user.email], [profile.sub, person.email]);

  // Known here, the browser comes back at once.
  const known = await browser.open(await application.to('/auth/login'));
  expect('where the second callback leads', await application.to(known.away.href), `${home}/`);
  const left = await browser.open(await application.to('/auth/logout'));
  expect('where signing out leads', left.away?.href, `${home}/`);
  expect('the profile after signing out', (await application.get('/auth/profile')).status, 401);
  const gone = await browser.open(await application.to('/auth/login?prompt=none'));
  expect('after signing out', gone.away.searchParams.get('error'), 'login_required');
}

await visit({});
await visit({ pushedAuthorizationRequests: true });
console.log(JSON.stringify({ visits: 2 }));
