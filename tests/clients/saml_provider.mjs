// An organization's SAML provider: npm's saml-idp, a program of its own, whose page lets people be whoever they say.

import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

async function freePort() {
  const server = createServer();
  await new Promise((listens) => server.listen(0, '127.0.0.1', listens));
  const { port } = server.address();
  await new Promise((closed) => server.close(closed));
  return port;
}

/** One that is about to start: what makes a connection to it, and `start`, with who we are there. */
export async function provider(name) {
  const folder = mkdtempSync(join(tmpdir(), 'saml-idp-'));
  const [key, cert] = [join(folder, 'idp.key'), join(folder, 'idp.crt')];
  const subject = ['-subj', '/CN=saml-idp', '-days', '30', '-keyout', key, '-out', cert];
  execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', ...subject], { stdio: 'ignore' });
  const [port, issuer] = [await freePort(), `urn:${name.toLowerCase().replaceAll(' ', '-')}`];
  const url = `http://127.0.0.1:${port}`;
  const connection = {
    connection_id: 'saml', name, provider_type: 'saml', client_id: 'urn:tenantry', issuer, authorization_url: `${url}/saml/sso`,
    certificates: [readFileSync(cert, 'utf8')],
  };
  let child;
  async function start({ acs_url, sp_entity_id }) {
    const words = ['--host', '127.0.0.1', '--port', port, '--issuer', issuer, '--key', key, '--cert', cert, '--acsUrl', acs_url, '--audience', sp_entity_id];
    const program = new URL('./node_modules/saml-idp/bin/run.js', import.meta.url).pathname;
    child = spawn(process.execPath, [program, ...words.map(String)], { stdio: 'ignore' });
    while (!(await fetch(`${url}/metadata`).catch(() => undefined))?.ok) {
      if (child.exitCode !== null) throw new Error(`saml-idp ended with ${child.exitCode}`);
      await new Promise((soon) => setTimeout(soon, 50));
    }
  }
  return { url, connection, metadata: `${url}/metadata`, start, stop: () => child?.kill() };
}
