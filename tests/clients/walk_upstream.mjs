// Through the identity providers of two organizations: each is npm's oidc-provider.

import { expect } from './start.mjs';
import { start } from './identity_provider.mjs';
import { PASSWORD } from './people.mjs';

/** An organization with a connection to a provider of its own. */
async function founded(api, owner, slug, name, settings) {
  const person = await api.signUp(owner);
  const org = await person.found(slug, name);
  const provider = await start(`${name} keys`);
  const made = await org.post(`/api/organizations/${slug}/upstream-providers`, { ...provider.connection, ...settings });
  expect(`a connection that is ready: ${JSON.stringify(made.findings)}`, made.ready);
  provider.register(made.callback_url);
  return { person, org, provider, slug };
}

/** Signs in at the provider, as whoever it is, and says yes. */
async function atTheProvider(visitor, provider, email) {
  expect('at the provider', new URL(visitor.page.url()).origin, provider.issuer);
  await visitor.page.locator('[name=login]').fill(email);
  await visitor.page.locator('[name=password]').fill('whatever');
  await visitor.press('button[type=submit]');
  if (new URL(visitor.page.url()).origin === provider.issuer) await visitor.press('button[type=submit]');
}

export async function throughProviders({ api, portal, open: anybody }) {
  const open = async () => {
    const visitor = await anybody();
    // The provider's pages want a font from elsewhere.
    await visitor.context.route('https://fonts.googleapis.com/**', (route) => route.fulfill({ contentType: 'text/css', body: '' }));
    return visitor;
  };
  const north = await founded(api, 'nora@north.example', 'north', 'North', { jit: true });
  const south = await founded(api, 'sam@south.example', 'south', 'South', { jit: true });
  const dana = await open();
  await dana.open(`${portal.url}/login?organization=north`);
  await dana.look('who it is, or a provider');
  await dana.press('button[value=keys]');
  await atTheProvider(dana, north.provider, 'dana@north.example');
  const first = [await dana.text('#person'), await dana.text('#amr'), await dana.text('#org')];
  expect('who is at the application', first.slice(0, 2), ['dana@north.example', 'fed']);
  // The other organization wants its own provider; and the first is entered again without.
  await dana.open(`${portal.url}/login?organization=south`);
  await dana.press('button[value=keys]');
  await atTheProvider(dana, south.provider, 'dana@south.example');
  expect('who is at the other', [await dana.text('#person'), (await dana.text('#org')) !== first[2]], ['dana@south.example', true]);
  await dana.close();

  // A member proves once that the account is theirs.
  const mail = 'mo@north.example';
  await api.signUp(mail);
  await north.org.post('/api/organizations/north/invitations', { email: mail, role: 'admin' });
  const mo = await api.login(mail);
  const [{ id }] = await mo.call('GET', '/api/invitations');
  await mo.post(`/api/invitations/${id}/accept`);
  const moves = await open();
  await moves.open(`${portal.url}/login?organization=north&connection=keys`);
  await atTheProvider(moves, north.provider, mail);
  await moves.look('is this your account');
  await moves.send({ password: PASSWORD });
  expect('mo', [await moves.text('#person'), await moves.text('#amr')], [mail, 'pwd,fed']);
  await moves.close();

  // Nobody is added any more: a stranger comes back to a page that says so.
  const [{ id: connection }] = await south.org.call('GET', '/api/organizations/south/upstream-providers');
  await south.org.call('PATCH', `/api/organizations/south/upstream-providers/${connection}`, { jit: false });
  const eve = await open();
  await eve.open(`${portal.url}/login?organization=south&connection=keys`);
  await atTheProvider(eve, south.provider, 'eve@south.example');
  await eve.look('came back, and is not in');
  const { attempts } = await south.org.call('GET', `/api/organizations/south/upstream-providers/${connection}/attempts`);
  expect('what its administrators see', [attempts[0].reason, await eve.text('code')], ['no_account', attempts[0].id]);
  await eve.close();

  // Everybody through the provider: a right password leads there.
  await north.person.authenticator();
  const owner = (await north.person.call('GET', '/api/user')).id;
  await north.org.call('PATCH', '/api/organizations/north/sign-in/policy', { sso: 'required', break_glass: [owner] });
  const other = await open();
  await other.open(`${portal.url}/login?organization=north`);
  await other.send({ email: mail });
  await other.look('password, or a provider');
  await other.send({ password: PASSWORD });
  await other.look('the provider only');
  await other.press('button[value=keys]');
  await atTheProvider(other, north.provider, mail);
  expect('mo again', await other.text('#person'), mail);
  // That opens the organization, and not the account.
  await other.open(`${api.base}/account`);
  await other.look("account: by an organization's word");
  await other.press('.button.main');
  expect('something of their own', await other.page.locator('[name=email]').count(), 1);
  await other.close();
  north.provider.stop();
  south.provider.stop();
}
