// Somebody at a SaaS application with two organizations, each with an identity provider of its own: npm's oidc-provider and saml-idp.

import { spawn } from 'node:child_process';
import { chromium } from 'playwright-core';
import { expect, task } from './start.mjs';
import { start as oidcProvider } from './identity_provider.mjs';
import { Api, NEVER, PASSWORD, until } from './people.mjs';
import { start } from './saas_application.mjs';
import { provider as samlProvider } from './saml_provider.mjs';
import { visitor } from './visitor.mjs';

const MIA = 'mia@north.example';
const api = new Api(task.base, task.mails);
const application = await start({ base: task.base, ...task.application });
const stops = [application.stop];
const browser = await chromium.launch({ executablePath: task.chromium, timeout: NEVER });
stops.push(() => browser.close());
try {
  const world = await founded();
  const mia = await visitor(browser);
  // The provider's pages want a font from elsewhere.
  await mia.context.route('https://fonts.googleapis.com/**', (route) => route.fulfill({ contentType: 'text/css', body: '' }));
  for (const step of [byDomain, selecting, changing, backAtOnce, removed, leaving]) {
    await step(mia, world).catch((e) => {
      throw new Error(`${step.name}, at ${mia.page.url()}: ${e.stack}`);
    });
    console.log(`${step.name}: done`);
  }
} finally {
  for (const stop of stops.reverse()) await stop();
}
console.log(JSON.stringify({ version: browser.version() }));

/** Two organizations, of both of which Mia is a member; North has proved the domain of her address. */
async function founded() {
  const nora = await api.signUp('nora@north.example');
  const north = await nora.found('north', 'North');
  const south = await (await api.signUp('sam@south.example')).found('south', 'South');
  await api.signUp(MIA);
  for (const [slug, by] of [['north', north], ['south', south]]) {
    await by.post(`/api/organizations/${slug}/invitations`, { email: MIA, role: 'member' });
    const mia = await api.login(MIA);
    const [{ id }] = await mia.call('GET', '/api/invitations');
    await mia.post(`/api/invitations/${id}/accept`);
    const role = { slug: 'auditor', name: 'Auditor', permissions: ['audit_logs.view'] };
    await by.post(`/api/organizations/${slug}/roles`, role);
  }
  const keys = await oidcProvider('North keys', { groups: ['Finance'] });
  stops.push(keys.stop);
  const mapping = (group) => ({ role_mapping: [{ group, role: 'auditor' }] });
  const made = await north.post('/api/organizations/north/upstream-providers', { ...keys.connection, ...mapping('Finance') });
  keys.register(made.callback_url);
  await proved(north, made.id);
  const idp = await samlProvider('South SAML');
  stops.push(idp.stop);
  const saml = await south.post('/api/organizations/south/upstream-providers', { ...idp.connection, ...mapping('Simple IdP Users') });
  await idp.start(saml);
  expect('both connections are ready', [made.ready, saml.ready], [true, true]);
  return { north, south, keys, idp };
}

/** North proves its domain, at a name server that runs from then on, and has it lead to its provider. */
async function proved(north, connection) {
  const route = await north.post('/api/organizations/north/domain-routes', { domain: 'north.example', upstream_provider_id: connection });
  const record = `--txt-record=${route.verification_methods[0].record_name},${route.verification_token}`;
  const words = ['--no-daemon', '--conf-file=/dev/null', '--no-resolv', '--no-hosts', '--bind-interfaces', '--listen-address=127.0.0.1', `--port=${task.dns}`];
  const server = spawn('dnsmasq', [...words, record], { stdio: 'ignore' });
  stops.push(() => server.kill());
  const path = `/api/organizations/north/domain-routes/${route.id}/verify`;
  await until('the domain is proved', async () => (await north.post(path, {})).verified);
}

function facts(visitor) {
  return Promise.all(['#person', '#organization', '#roles', '#same'].map((id) => visitor.text(id)));
}

/** Her address is all that she says: her organization's provider does the rest. */
async function byDomain(mia, { keys }) {
  await mia.open(`${application.url}/login`);
  await mia.send({ email: MIA });
  await atKeys(mia, keys);
  // The first time, she proves that the account which is there is hers.
  if (await mia.page.locator('[name=password]').count()) await mia.send({ password: PASSWORD });
  expect('where she is', await facts(mia), [MIA, 'north', 'member,auditor', 'true']);
  expect('how she came', (await mia.text('#amr')).split(',').at(-1), 'fed');
}

/** With the API's own tokens: what she gave opens South as long as South wants nothing else. */
async function selecting(_, { south }) {
  const policy = (change) => south.call('PATCH', '/api/organizations/south/sign-in/policy', change);
  const mia = await api.login(MIA);
  expect('selected', (await mia.post('/api/organizations/south/select', {})).membership.role, 'member');
  await (await api.login('sam@south.example')).authenticator();
  const { id } = await south.call('GET', '/api/user');
  await policy({ sso: 'required', break_glass: [id] });
  const refused = await mia.post('/api/organizations/south/select', {}).then(() => undefined, (e) => e.message);
  expect(`step up: ${refused}`, /403 .*step_up_required.*"saml"/.test(refused));
}

/** South asks for its own provider first. */
async function changing(mia, { idp }) {
  await mia.open(`${application.url}/switch/north?to=south`);
  await mia.press('button[value=saml]');
  await atSaml(mia, idp);
  if (await mia.page.locator('[name=password]').count()) await mia.send({ password: PASSWORD });
  expect('where she is', await facts(mia), [MIA, 'south', 'member,auditor', 'true']);
  expect('in both', await at(mia, '', '#in'), 'north,south');
}

/** What both asked for is given: from now on an exchange is enough. */
async function backAtOnce(mia) {
  await mia.open(`${application.url}/switch/south?to=north`);
  expect('at once', mia.page.url(), `${application.url}/o/north`);
  await mia.open(`${application.url}/switch/north?to=south`);
  expect('at once', mia.page.url(), `${application.url}/o/south`);
}

/** Who is removed is out in every tab, and elsewhere still in. */
async function removed(mia, { north }) {
  const other = await mia.tab();
  for (const tab of [mia, other]) expect('in', await at(tab, 'o/north', '#organization'), 'north');
  const { members } = await north.call('GET', '/api/organizations/north/members');
  await north.call('DELETE', `/api/organizations/north/members/${members.find(({ user }) => user.email === MIA).user.id}`);
  for (const tab of [other, mia]) {
    await tab.page.reload();
    expect('out', await tab.text('#out'), 'You are not signed in to north.');
  }
  expect('in the other', await at(mia, 'o/south', '#organization'), 'south');
  expect('nor by an exchange', await at(mia, 'switch/south?to=north', '#error'), 'invalid_target');
  expect('nor anew', await at(mia, 'login?prompt=none&organization=north', '#error'), 'login_required');
}

/** Signed out in one place is signed out everywhere, and the application is told. */
async function leaving(mia) {
  const other = await mia.tab();
  expect('in', await at(other, 'o/south', '#organization'), 'south');
  await mia.open(`${application.url}/logout`);
  expect('back at the application', [mia.page.url(), await mia.text('#in')], [`${application.url}/`, '']);
  await other.page.reload();
  expect('out', await other.text('#out'), 'You are not signed in to south.');
  await until('the application was told', () => application.told.length > 0);
  await mia.open(`${application.url}/login?prompt=none&organization=south`);
  expect('nobody', await mia.text('#error'), 'login_required');
}

async function at(visitor, path, selector) {
  await visitor.open(`${application.url}/${path}`);
  return visitor.text(selector);
}

async function atKeys(visitor, keys) {
  expect('at the provider', new URL(visitor.page.url()).origin, keys.issuer);
  await visitor.page.locator('[name=login]').fill(MIA);
  await visitor.page.locator('[name=password]').fill('whatever');
  await visitor.press('button[type=submit]');
  if (new URL(visitor.page.url()).origin === keys.issuer) await visitor.press('button[type=submit]');
}

async function atSaml(visitor, idp) {
  expect('at the provider', new URL(visitor.page.url()).origin, idp.url);
  await visitor.page.locator('[name=userName]').fill(MIA);
  await visitor.page.locator('[name=email]').fill(MIA);
  await visitor.page.locator('#btn-sign-in').click();
  // By a form of the provider's page, and on from there.
  await visitor.page.waitForURL((url) => url.origin !== idp.url && !url.pathname.includes('/callback') && !url.pathname.endsWith('/acs'));
}
