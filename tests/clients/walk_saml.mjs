// Through an organization's SAML provider: npm's saml-idp.

import { expect } from './start.mjs';
import { provider } from './saml_provider.mjs';

/** Signs in at the provider, as whoever it is. */
async function atTheProvider(visitor, idp, email) {
  expect('at the provider', new URL(visitor.page.url()).origin, idp.url);
  await visitor.page.locator('[name=userName]').fill(email);
  await visitor.page.locator('[name=email]').fill(email);
  await visitor.page.locator('#btn-sign-in').click();
  // By a form of the provider's page, and on from there.
  await visitor.page.waitForSelector('#person');
}

export async function throughSaml({ api, portal, open }) {
  const wes = await api.signUp('wes@west.example');
  const west = await wes.found('west', 'West');
  const idp = await provider('West SAML');
  const made = await west.post('/api/organizations/west/upstream-providers', { ...idp.connection, jit: true });
  await idp.start(made);
  try {
    // Its own metadata says the same as what was written down.
    const path = `/api/organizations/west/upstream-providers/${made.id}`;
    const known = await west.call('PATCH', path, { discovery_url: idp.metadata, issuer: null, authorization_url: null, certificates: [] });
    expect(`a connection that is ready: ${JSON.stringify(known.findings)}`, known.ready);
    const dora = await open();
    await dora.open(`${portal.url}/login?organization=west`);
    await dora.look('who it is, or a SAML provider');
    await dora.press('button[value=saml]');
    await atTheProvider(dora, idp, 'dora@west.example');
    expect('who is at the application', [await dora.text('#person'), await dora.text('#amr')], ['dora@west.example', 'fed']);
    // Signed in here, nobody asks the provider again.
    await dora.open(`${portal.url}/login?organization=west`);
    expect('dora again', await dora.text('#person'), 'dora@west.example');
    await dora.close();
    // Another browser, the same person.
    const other = await open();
    await other.open(`${portal.url}/login?organization=west&connection=saml`);
    await atTheProvider(other, idp, 'dora@west.example');
    expect('dora elsewhere', await other.text('#person'), 'dora@west.example');
    await other.close();
    const { attempts } = await west.call('GET', `${path}/attempts`);
    expect('what its administrators see', attempts.map((one) => one.outcome), ['signed_in', 'signed_in']);
  } finally {
    idp.stop();
  }
}
