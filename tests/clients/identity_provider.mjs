// An organization's identity provider: npm's oidc-provider, with the pages that it brings along, and people who are whoever they say.

import { createServer } from 'node:http';
import Provider from 'oidc-provider';

/** Starts one on a free port; answers it with what makes a connection to it. Of everybody it says these claims too. */
export async function start(name, claims = {}) {
  const client = { client_id: 'tenantry', client_secret: `secret of ${name}, longer than thirty-two bytes`, token_endpoint_auth_method: 'client_secret_basic' };
  const server = createServer();
  await new Promise((listens) => server.listen(0, '127.0.0.1', listens));
  const issuer = `http://127.0.0.1:${server.address().port}`;
  // The address to which it sends people back is known when the connection is.
  const redirect_uris = [];
  const adapter = clients({ ...client, redirect_uris, grant_types: ['authorization_code'], response_types: ['code'] });
  const provider = new Provider(issuer, {
    adapter,
    claims: { openid: ['sub', ...Object.keys(claims)], email: ['email', 'email_verified'] },
    conformIdTokenClaims: false,
    cookies: { keys: ['not a secret'] },
    features: { devInteractions: { enabled: true } },
    findAccount: (_, id) => ({ accountId: id, claims: () => ({ ...claims, sub: id, email: id, email_verified: true }) }),
    scopes: ['openid', 'email', 'profile'],
  });
  server.on('request', provider.callback());
  const connection = {
    connection_id: 'keys', name, provider_type: 'oidc', client_id: client.client_id, client_secret: client.client_secret,
    discovery_url: `${issuer}/.well-known/openid-configuration`,
  };
  return { issuer, connection, register: (uri) => redirect_uris.push(uri), stop: () => (server.closeAllConnections(), server.close()) };
}

/** What it keeps, in memory; and its one client, as it is now. */
function clients(client) {
  const kept = new Map();
  return class {
    constructor(kind) {
      this.kind = kind;
    }
    #key(id) {
      return `${this.kind}:${id}`;
    }
    async find(id) {
      return this.kind === 'Client' ? (id === client.client_id ? client : undefined) : kept.get(this.#key(id));
    }
    async upsert(id, payload) {
      kept.set(this.#key(id), payload);
      if (payload.uid) kept.set(`${this.kind}:uid:${payload.uid}`, payload);
    }
    async findByUid(uid) {
      return kept.get(`${this.kind}:uid:${uid}`);
    }
    async findByUserCode() {}
    async consume(id) {
      kept.get(this.#key(id)).consumed = Math.floor(Date.now() / 1000);
    }
    async destroy(id) {
      kept.delete(this.#key(id));
    }
    async revokeByGrantId(grant) {
      for (const [key, { grantId }] of kept) if (grantId === grant) kept.delete(key);
    }
  };
}
