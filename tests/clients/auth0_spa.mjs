// Auth0's SDK for applications that are nothing but script, on a page of another origin than the server's.

import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { expect, task } from './start.mjs';
import { chromium } from 'playwright-core';
import { NEVER } from './people.mjs';
import { visitor } from './visitor.mjs';

const { base, person, application } = task;
const home = `http://localhost:${application.port}/`;
const SDK = new URL('./node_modules/@auth0/auth0-spa-js/dist/auth0-spa-js.production.esm.js', import.meta.url);

/** The page knows the SDK, and what an application sets it up with. */
const PAGE = `<!doctype html><html lang="en"><title>Ledgerline</title><link rel="icon" href="data:,"><h1>Ledgerline</h1><script type="module">
import { createAuth0Client } from '/sdk.js';
globalThis.auth0 = await createAuth0Client(${JSON.stringify({
  domain: base, clientId: application.client_id, useRefreshTokens: true, cacheLocation: 'localstorage',
  authorizationParams: { redirect_uri: home, scope: 'openid profile email offline_access' },
})});
</script>`;

const server = createServer(async (request, response) => {
  const [type, text] = request.url === '/sdk.js' ? ['text/javascript', await readFile(SDK)] : ['text/html', PAGE];
  response.writeHead(200, { 'content-type': type }).end(text);
});
await new Promise((listens) => server.listen(application.port, '127.0.0.1', listens));
const browser = await chromium.launch({ executablePath: task.chromium, timeout: NEVER });
try {
  await visit(await visitor(browser));
} finally {
  await browser.close();
  server.closeAllConnections();
  server.close();
}
console.log(JSON.stringify({ version: browser.version() }));

/** Calls the SDK on the page that is open, once that has it. */
async function sdk(someone, run) {
  await someone.page.waitForFunction(() => globalThis.auth0);
  return someone.page.evaluate(run);
}

async function visit(someone) {
  await someone.open(home);
  expect('nobody', await sdk(someone, () => globalThis.auth0.isAuthenticated()), false);
  const there = someone.page.waitForURL(`${base}/**`);
  await sdk(someone, () => void globalThis.auth0.loginWithRedirect({ appState: { to: '/reports' } }));
  await there;
  await someone.send({ email: person.email });
  await someone.send({ password: person.password });
  await someone.page.waitForURL((url) => url.searchParams.has('code'));
  const { appState } = await sdk(someone, () => globalThis.auth0.handleRedirectCallback());
  expect('where the application wanted to go', appState, { to: '/reports' });
  const user = await sdk(someone, () => globalThis.auth0.getUser());
  expect('who it is', user.email, person.email);

  // Another page of it knows that, and renews the tokens without leaving.
  await someone.open(home);
  const renewed = await sdk(someone, async () => {
    const tokens = () => globalThis.auth0.getTokenSilently();
    const [first, fresh] = [await tokens(), await globalThis.auth0.getTokenSilently({ cacheMode: 'off' })];
    return { changed: first !== fresh, kept: (await tokens()) === fresh, user: (await globalThis.auth0.getUser()).sub };
  });
  expect('a renewal', renewed, { changed: true, kept: true, user: user.sub });

  const back = someone.page.waitForURL(home);
  await sdk(someone, (to) => void globalThis.auth0.logout({ logoutParams: { returnTo: location.origin + '/' } }));
  await back;
  expect('nobody any more', await sdk(someone, () => globalThis.auth0.isAuthenticated()), false);
}
