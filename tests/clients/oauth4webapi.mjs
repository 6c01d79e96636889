// oauth4webapi signs somebody in to an installed application: no secret, a port of the moment, another refresh token each time.

import { expect, task } from './start.mjs';
import * as oauth from 'oauth4webapi';
import { Browser } from './forms.mjs';

const { base, person, home } = task;
const insecure = { [oauth.allowInsecureRequests]: true };
const issuer = new URL(`${base}/`);
const server = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, insecure));
const client = { client_id: task.installed.client_id };
const nobody = oauth.None();
const redirect = 'http://127.0.0.1:49152/callback';

async function ask(more) {
  const [verifier, state, nonce] = [oauth.generateRandomCodeVerifier(), oauth.generateRandomState(), oauth.generateRandomNonce()];
  const url = new URL(server.authorization_endpoint);
  const challenge = await oauth.calculatePKCECodeChallenge(verifier);
  const parameters = {
    client_id: client.client_id, redirect_uri: redirect, response_type: 'code', scope: 'openid email offline_access', state, nonce,
    code_challenge: challenge, code_challenge_method: 'S256', ...more,
  };
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
  return { url: url.href, verifier, state, nonce };
}

async function exchange(asked, back) {
  const parameters = oauth.validateAuthResponse(server, client, back, asked.state);
  const answer = await oauth.authorizationCodeGrantRequest(server, client, nobody, parameters, redirect, asked.verifier, insecure);
  const tokens = await oauth.processAuthorizationCodeResponse(server, client, answer, { expectedNonce: asked.nonce, requireIdToken: true });
  await oauth.validateApplicationLevelSignature(server, answer, insecure);
  return tokens;
}

/** The tokens of a code, bound to a key. */
async function exchangeBound(asked, back, DPoP) {
  const parameters = oauth.validateAuthResponse(server, client, back, asked.state);
  const bound = { DPoP, ...insecure };
  const answer = await oauth.authorizationCodeGrantRequest(server, client, nobody, parameters, redirect, asked.verifier, bound);
  return oauth.processAuthorizationCodeResponse(server, client, answer, { expectedNonce: asked.nonce, requireIdToken: true });
}

async function renew(token) {
  const answer = await oauth.refreshTokenGrantRequest(server, client, nobody, token, insecure);
  return oauth.processRefreshTokenResponse(server, client, answer);
}

const browser = new Browser(base);
const asked = await ask({});
const tokens = await exchange(asked, await browser.signIn(asked.url, person));
const claims = oauth.getValidatedIdTokenClaims(tokens);
const answer = await oauth.userInfoRequest(server, client, tokens.access_token, insecure);
const info = await oauth.processUserInfoResponse(server, client, claims.sub, answer);
expect('the address', info.email, person.email);

const second = await renew(tokens.refresh_token);
expect('another refresh token', second.refresh_token !== tokens.refresh_token && typeof second.refresh_token === 'string');
const third = await renew(second.refresh_token);
// An answer that was lost: the same renewal again. What was used before that one is refused.
expect('the same again', (await renew(second.refresh_token)).refresh_token, third.refresh_token);
expect('what was used already', await renew(tokens.refresh_token).catch((e) => e.error), 'invalid_grant');

// Tokens that are bound to a key (RFC 9449).
const DPoP = oauth.DPoP(client, await oauth.generateKeyPair('ES256'));
const silent = await ask({ prompt: 'none' });
const bound = await exchangeBound(silent, (await browser.open(silent.url)).away, DPoP);
expect('a bound token', bound.token_type, 'dpop');
const holder = await oauth.userInfoRequest(server, client, bound.access_token, { DPoP, ...insecure });
expect('its holder', (await oauth.processUserInfoResponse(server, client, claims.sub, holder)).email, person.email);
const stolen = await fetch(server.userinfo_endpoint, { headers: { authorization: `Bearer ${bound.access_token}` } });
expect('who has read it somewhere', stolen.status, 401);
expect('what renews it, without the key', await renew(bound.refresh_token).catch((e) => e.error), 'invalid_grant');
const renewed = await oauth.refreshTokenGrantRequest(server, client, nobody, bound.refresh_token, { DPoP, ...insecure });
expect('what renews it', (await oauth.processRefreshTokenResponse(server, client, renewed)).token_type, 'dpop');

// The person is still known, and leaves.
const again = await ask({ prompt: 'none' });
const known = await exchange(again, (await browser.open(again.url)).away);
await oauth.processRevocationResponse(await oauth.revocationRequest(server, client, nobody, known.refresh_token, insecure));
expect('what was revoked', await renew(known.refresh_token).catch((e) => e.error), 'invalid_grant');
const leave = new URL(server.end_session_endpoint);
leave.search = new URLSearchParams({ id_token_hint: known.id_token, post_logout_redirect_uri: home });
expect('where signing out leads', (await browser.open(leave.href)).away?.href, new URL(home).href);
const gone = await ask({ prompt: 'none' });
const back = (await browser.open(gone.url)).away;
const refused = (() => { try { return oauth.validateAuthResponse(server, client, back, gone.state); } catch (e) { return e.error; } })();
expect('after signing out', refused, 'login_required');
console.log(JSON.stringify({ sub: claims.sub }));
