// A SaaS application with several organizations, in one session: a plain server on openid-client that keeps tokens by organization, changes between
// them by an exchange, asks at each page whether they still hold, and hears of sign-outs.

import { createServer } from 'node:http';
import { createRemoteJWKSet, jwtVerify } from 'jose';
import * as client from 'openid-client';

export const ROLES = 'https://ledgerline.example/roles';
export const ORGANIZATION = 'https://ledgerline.example/organization';
const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange';
const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token';

const escape = (text) => String(text).replace(/[&<>"]/g, (letter) => `&#${letter.charCodeAt(0)};`);
const page = (body) => `<!doctype html><html lang="en"><title>Ledgerline</title><link rel="icon" href="data:,"><main><h1>Ledgerline</h1>${body}</main>`;

/** Starts one; answers it with its address and with what it was told of sign-outs. */
export async function start({ base, port, client_id, client_secret }) {
  const url = `http://localhost:${port}`;
  const execute = [client.allowInsecureRequests, client.enableNonRepudiationChecks];
  const config = await client.discovery(new URL(base), client_id, undefined, client.ClientSecretPost(client_secret), { execute });
  const application = new Application(config, url);
  const server = createServer((request, response) => {
    application.answer(request, response).catch((e) => response.writeHead(500).end(page(`<p id="error">${escape(e.error ?? e.stack)}</p>`)));
  });
  await new Promise((listens) => server.listen(port, '127.0.0.1', listens));
  return { url, told: application.told, stop: () => (server.closeAllConnections(), server.close()) };
}

class Application {
  #asked = new Map();
  #sessions = new Map();
  told = [];

  constructor(config, url) {
    const { issuer, jwks_uri } = config.serverMetadata();
    Object.assign(this, { config, url, issuer, keys: createRemoteJWKSet(new URL(jwks_uri)) });
  }

  async answer(request, response) {
    const url = new URL(request.url, this.url);
    const id = /\bapp=([^;]+)/.exec(request.headers.cookie)?.[1];
    const session = this.#sessions.get(id) ?? new Map();
    const show = (body) => response.writeHead(200, { 'content-type': 'text/html' }).end(page(body));
    const go = (to, headers) => response.writeHead(303, { ...headers, location: to }).end();
    const [, place, organization] = url.pathname.split('/');
    switch (place) {
      case '':
        return show(`<p id="in">${escape([...session.keys()].sort())}</p><a id="login" href="/login">Sign in</a>`);
      case 'login':
        return go(await this.#ask(Object.fromEntries(url.searchParams)));
      case 'callback': {
        const tokens = await this.#enter(url);
        const [own, kept] = this.#sessions.has(id) ? [id, session] : [client.randomState(), session];
        this.#sessions.set(own, kept);
        return go(`/o/${this.#keep(kept, tokens)}`, { 'set-cookie': `app=${own}; HttpOnly; SameSite=Lax; Path=/` });
      }
      case 'o':
        return show(await this.#home(session, organization));
      case 'switch':
        return go(await this.#change(session, organization, url.searchParams.get('to')));
      case 'logout': {
        const hint = [...session.values()][0].id_token;
        this.#sessions.delete(id);
        return go(client.buildEndSessionUrl(this.config, { id_token_hint: hint, post_logout_redirect_uri: `${this.url}/` }).href);
      }
      case 'signed-out':
        await this.#hear(request);
        return response.writeHead(200).end();
      default:
        return response.writeHead(404).end();
    }
  }

  async #ask(more) {
    const [verifier, state, nonce] = [client.randomPKCECodeVerifier(), client.randomState(), client.randomNonce()];
    const parameters = {
      redirect_uri: `${this.url}/callback`, scope: 'openid email offline_access', state, nonce,
      code_challenge: await client.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256', ...more,
    };
    this.#asked.set(state, { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce, idTokenExpected: true });
    return client.buildAuthorizationUrl(this.config, parameters).href;
  }

  async #enter(url) {
    const checks = this.#asked.get(url.searchParams.get('state'));
    const tokens = await client.authorizationCodeGrant(this.config, url, checks);
    return { ...tokens, claims: tokens.claims() };
  }

  /** Under the name of the organization that the tokens are for. */
  #keep(session, tokens) {
    const name = tokens.claims[ORGANIZATION];
    session.set(name, tokens);
    return name;
  }

  /** Who it is there, if the server still says so. */
  async #home(session, organization) {
    const tokens = session.get(organization);
    const known = tokens && (await client.fetchUserInfo(this.config, tokens.access_token, tokens.claims.sub).catch(() => undefined));
    if (!known) {
      session.delete(organization);
      return `<p id="out">You are not signed in to ${escape(organization)}.</p><a id="login" href="/login">Sign in</a>`;
    }
    const { email, amr, org_id } = tokens.claims;
    const facts = { person: email, organization, roles: tokens.claims[ROLES], amr, same: org_id === known.org_id };
    return Object.entries(facts).map(([name, value]) => `<p id="${name}">${escape(value)}</p>`).join('');
  }

  /** Where it leads: to the other organization, or to what that one asks for first. */
  async #change(session, from, to) {
    const parameters = { subject_token: session.get(from).access_token, subject_token_type: ACCESS_TOKEN, organization: to };
    try {
      const tokens = await client.genericGrantRequest(this.config, EXCHANGE, parameters);
      return `/o/${this.#keep(session, { ...tokens, claims: tokens.claims() })}`;
    } catch (e) {
      if (!String(e.error_description).startsWith('step_up_required')) throw e;
      return this.#ask({ organization: to });
    }
  }

  /** Back-channel logout. */
  async #hear(request) {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const token = new URLSearchParams(String(Buffer.concat(chunks))).get('logout_token');
    const audience = this.config.clientMetadata().client_id;
    const { payload } = await jwtVerify(token, this.keys, { issuer: this.issuer, audience, typ: 'logout+jwt' });
    for (const session of this.#sessions.values()) {
      for (const [name, { claims }] of session) if (claims.sid === payload.sid) session.delete(name);
    }
    this.told.push(payload.sid);
  }
}
