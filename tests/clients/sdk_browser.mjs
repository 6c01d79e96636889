// Our SDK in a real browser, on a page of another origin than the server's; and in tabs of it that share a session.

import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { chromium } from 'playwright-core';
import { expect, task } from './start.mjs';
import { Api, NEVER, PASSWORD } from './people.mjs';

const PAGE = `<!doctype html><html lang="en"><title>An application</title><link rel="icon" href="data:,">
<script type="importmap">{"imports": {"@tenantry/sdk": "/sdk/index.js"}}</script>`;

/** A page, the walk, and the SDK's files as they are in the package. */
const application = createServer(async (request, response) => {
  const { pathname } = new URL(request.url, 'http://localhost');
  if (pathname === '/') return response.writeHead(200, { 'content-type': 'text/html' }).end(PAGE);
  const file = pathname.replace(/^\/sdk\//, '/node_modules/@tenantry/sdk/dist/');
  const text = await readFile(new URL(`.${file}`, import.meta.url)).catch(() => undefined);
  return response.writeHead(text ? 200 : 404, { 'content-type': 'text/javascript' }).end(text);
});
await new Promise((listens) => application.listen(0, '127.0.0.1', listens));
const home = `http://localhost:${application.address().port}/`;

const api = new Api(task.base, task.mails);
const browser = await chromium.launch({ executablePath: task.chromium, timeout: NEVER });
try {
  const context = await browser.newContext();
  context.setDefaultTimeout(NEVER);
  await context.exposeFunction('mailed', async (email) => (await api.mailedLink(email, 'verify-email')).searchParams.get('token'));
  const page = await context.newPage();
  await page.goto(home);
  await page.evaluate(async (base) => {
    const { walk } = await import('/sdk_walk.mjs');
    await walk({ base, name: 'cleo', mailed: globalThis.mailed });
  }, task.base);
  await tabs(context);
} finally {
  await browser.close();
  application.closeAllConnections();
  application.close();
}
console.log(JSON.stringify({ chromium: browser.version() }));

/** All find at once that the server takes their session's token no longer. */
async function tabs(context) {
  await api.signUp('tara@example.com');
  let renewals = 0;
  context.on('request', (request) => {
    if (request.method() === 'POST' && request.url().endsWith('/api/auth/refresh')) renewals += 1;
  });
  const { refresh_token } = await api.post('/api/auth/login', { email: 'tara@example.com', password: PASSWORD });
  const pages = await Promise.all([1, 2, 3].map(async () => {
    const page = await context.newPage();
    await page.goto(home);
    await page.evaluate(async (base) => {
      if (!navigator.locks) throw new Error('no Web Locks: nothing would be tested');
      const { createSso, localStorageStore } = await import('@tenantry/sdk');
      globalThis.sso = createSso({ baseUrl: base, store: localStorageStore() });
    }, task.base);
    return page;
  }));
  await pages[0].evaluate((refresh) => {
    localStorage.setItem('sso_access_token', 'no.good.token');
    localStorage.setItem('sso_refresh_token', refresh);
  }, refresh_token);
  // What a tab writes reaches the others a little later.
  await Promise.all(pages.map((page) => page.waitForFunction(() => localStorage.getItem('sso_refresh_token') !== null)));
  const calls = () => Promise.all([1, 2, 3].map(() => globalThis.sso.user.getProfile().then(({ email }) => email)));
  const seen = await Promise.all(pages.map((page) => page.evaluate(calls)));
  expect('who is in every tab', seen.flat(), Array(9).fill('tara@example.com'));
  expect('renewals by all tabs', renewals, 1);
}
