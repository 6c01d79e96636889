// Somebody who is no member meets an organization's service: they are asked what it gets.

import { createHash } from 'node:crypto';
import { expect } from './start.mjs';
import { PASSWORD } from './people.mjs';

/** Somebody is asked, and refuses; and allows it another time. */
export async function asked({ acme, api, application, open }) {
  const back = `${application.url}/`;
  const own = { slug: 'ledger', name: 'Ledger', service_type: 'web', redirect_uris: [back], sign_up: true };
  const { service } = await acme.post('/api/organizations/acme/services', own);
  await api.signUp('gus@example.com');
  const gus = await open();
  const challenge = createHash('sha256').update('v'.repeat(43)).digest('base64url');
  const request = new URLSearchParams({
    client_id: service.client_id, redirect_uri: back, response_type: 'code', scope: 'openid offline_access', code_challenge: challenge,
    code_challenge_method: 'S256',
  });
  const url = `${api.base}/authorize?${request}`;
  await gus.open(url);
  await gus.send({ email: 'gus@example.com' });
  await gus.send({ password: PASSWORD });
  await gus.look('a service asks');
  await gus.press('button[value=no]');
  expect('what the service is told', new URL(gus.page.url()).searchParams.get('error'), 'access_denied');
  // With a living session too.
  await gus.open(url);
  expect('whose page it is', await gus.text('.plate b'), 'The acme company');
  await gus.press('button[value=yes]');
  expect('it has a code', Boolean(new URL(gus.page.url()).searchParams.get('code')));
  await gus.close();
}
