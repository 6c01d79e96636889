// A small application at which people sign in: a plain server on openid-client. It passes on what its `/login` is called with, as the SDKs do.

import { createServer } from 'node:http';
import * as client from 'openid-client';

const escape = (text) => String(text).replace(/[&<>"]/g, (letter) => `&#${letter.charCodeAt(0)};`);
const page = (body) => `<!doctype html><html lang="en"><title>Ledgerline</title><link rel="icon" href="data:,"><main><h1>Ledgerline</h1>${body}</main>`;

/** Starts one; answers it with its address. */
export async function start({ base, port, client_id, client_secret }) {
  const url = `http://localhost:${port}`;
  const execute = [client.allowInsecureRequests, client.enableNonRepudiationChecks];
  const config = await client.discovery(new URL(base), client_id, undefined, client.ClientSecretPost(client_secret), { execute });
  const application = new Application(config, url);
  const server = createServer((request, response) => {
    application.answer(request, response).catch((e) => response.writeHead(500).end(page(`<p id="error">${escape(e.error ?? e.stack)}</p>`)));
  });
  await new Promise((listens) => server.listen(port, '127.0.0.1', listens));
  return { url, client_id, stop: () => (server.closeAllConnections(), server.close()) };
}

class Application {
  // Requests by their state: an answer that comes as a form brings no cookie along, because another site sends it.
  #asked = new Map();
  #sessions = new Map();

  constructor(config, url) {
    Object.assign(this, { config, url });
  }

  async answer(request, response) {
    const url = new URL(request.url, this.url);
    const session = this.#sessions.get(/\bapp=([^;]+)/.exec(request.headers.cookie)?.[1]);
    const go = (to, headers) => response.writeHead(303, { ...headers, location: to }).end();
    switch (url.pathname) {
      case '/':
        return response.writeHead(200, { 'content-type': 'text/html' }).end(page(home(session)));
      case '/login':
        return go(await this.#ask(url));
      case '/callback':
        return go('/', { 'set-cookie': `app=${await this.#enter(request, url)}; HttpOnly; SameSite=Lax; Path=/` });
      case '/logout': {
        this.#sessions.clear();
        const hint = url.searchParams.has('unknown') ? { client_id: this.config.clientMetadata().client_id } : { id_token_hint: session.idToken };
        return go(client.buildEndSessionUrl(this.config, { ...hint, post_logout_redirect_uri: `${this.url}/` }).href);
      }
      // Somebody else's page that sends our forms.
      case '/forger': {
        const form = `<form method="post" action="${escape(url.searchParams.get('to'))}"><button>Win</button></form>`;
        return response.writeHead(200, { 'content-type': 'text/html' }).end(page(form));
      }
      default:
        return response.writeHead(404).end();
    }
  }

  async #ask({ searchParams }) {
    const [verifier, state, nonce] = [client.randomPKCECodeVerifier(), client.randomState(), client.randomNonce()];
    const parameters = {
      redirect_uri: `${this.url}/callback`, scope: 'openid email offline_access', state, nonce,
      code_challenge: await client.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256', ...Object.fromEntries(searchParams),
    };
    this.#asked.set(state, { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce, idTokenExpected: true });
    return client.buildAuthorizationUrl(this.config, parameters).href;
  }

  async #enter(request, url) {
    let answer = url;
    if (request.method === 'POST') {
      const chunks = [];
      for await (const chunk of request) chunks.push(chunk);
      answer = new URL(`${url.href}?${Buffer.concat(chunks)}`);
    }
    const checks = this.#asked.get(answer.searchParams.get('state'));
    const tokens = await client.authorizationCodeGrant(this.config, answer, checks);
    const id = client.randomState();
    this.#sessions.set(id, { idToken: tokens.id_token, claims: tokens.claims() });
    return id;
  }
}

function home(session) {
  if (!session) return '<p><a href="/login" id="login">Sign in</a></p>';
  const { email, amr, org_id } = session.claims;
  return `<p id="person">${escape(email)}</p><p id="amr">${escape(amr)}</p><p id="org">${escape(org_id ?? '')}</p><a href="/logout" id="logout">Sign out</a>`;
}
