// openid-client signs somebody in, with what it calls its defaults, and reads every signature.

import { expect, task } from './start.mjs';
import * as client from 'openid-client';
import { Browser } from './forms.mjs';

const { base, person, redirect_uri, home } = task;
const scope = 'openid profile email offline_access';

async function discover(clientId, authentication) {
  const execute = [client.allowInsecureRequests, client.enableNonRepudiationChecks];
  return client.discovery(new URL(base), clientId, undefined, authentication, { execute });
}

/** A request, and what its answer is checked with. */
async function ask(config, { pushed, ...more }) {
  const [verifier, state, nonce] = [client.randomPKCECodeVerifier(), client.randomState(), client.randomNonce()];
  const parameters = {
    redirect_uri, scope, state, nonce, code_challenge: await client.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256', ...more,
  };
  const build = pushed ? client.buildAuthorizationUrlWithPAR : client.buildAuthorizationUrl;
  const url = await build(config, parameters);
  expect('what the browser carries of a pushed request', !pushed || [...url.searchParams.keys()].sort().join() === 'client_id,request_uri');
  return { url: url.href, checks: { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce, idTokenExpected: true } };
}

/** A whole visit: in, known, renewed, out. */
async function visit(config, { pushed }) {
  const browser = new Browser(base);
  const asked = await ask(config, { pushed, max_age: '600' });
  const back = await browser.signIn(asked.url, person);
  const tokens = await client.authorizationCodeGrant(config, back, { ...asked.checks, maxAge: 600 });
  const claims = tokens.claims();
  const info = await client.fetchUserInfo(config, tokens.access_token, claims.sub);
  expect('the address', [claims.email, info.email], [person.email, person.email]);

  const again = await ask(config, { pushed, prompt: 'none' });
  const known = await client.authorizationCodeGrant(config, (await browser.open(again.url)).away, again.checks);
  expect('the same sign-in', [known.claims().sub, known.claims().sid], [claims.sub, claims.sid]);

  const renewed = await client.refreshTokenGrant(config, tokens.refresh_token);
  expect('who it is after renewing', renewed.claims().sub, claims.sub);
  await client.tokenRevocation(config, renewed.refresh_token ?? tokens.refresh_token);
  const refused = await client.refreshTokenGrant(config, tokens.refresh_token).catch((e) => e.error);
  expect('renewing what was revoked', refused, 'invalid_grant');

  const leave = client.buildEndSessionUrl(config, { post_logout_redirect_uri: home, id_token_hint: tokens.id_token, state: 'bye' });
  expect('where signing out leads', (await browser.open(leave.href)).away?.href, new URL(`${home}?state=bye`).href);
  const gone = await ask(config, { prompt: 'none' });
  const error = await client.authorizationCodeGrant(config, (await browser.open(gone.url)).away, gone.checks).catch((e) => e.error);
  expect('after signing out', error, 'login_required');
}

const { client_id: id, client_secret: secret } = task.confidential;
await visit(await discover(id, client.ClientSecretPost(secret)), { pushed: false });
await visit(await discover(id, client.ClientSecretBasic(secret)), { pushed: true });
const key = await crypto.subtle.importKey('jwk', task.key, { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }, false, ['sign']);
await visit(await discover(task.signing.client_id, client.PrivateKeyJwt(key)), { pushed: true });
await visit(await discover(task.open.client_id, client.None()), { pushed: false });
console.log(JSON.stringify({ visits: 4 }));
