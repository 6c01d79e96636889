// What an application does with our SDK at a real server: the same in Node and in a browser.

import { createSso, memoryStore, needsMfa, SsoError } from '@tenantry/sdk';
import { expect } from './expect.mjs';

const PASSWORD = 'a long sentence only I know';
const HOUR = 3_600_000;

/** A fetch that writes down what it was called for. */
function counting() {
  const seen = [];
  const counted = (url, init) => {
    seen.push(`${init.method ?? 'GET'} ${new URL(url).pathname}`);
    return globalThis.fetch(url, init);
  };
  return { counted, times: (what) => seen.filter((call) => call === what).length };
}

const refusalOf = (promise) => promise.then(() => new Error('it was not refused'), (e) => e);
const REFRESH = 'POST /api/auth/refresh';

/** In somebody's name, at `base`; `mailed(email)` answers the token in the newest mail to somebody. */
export async function walk({ base, name, mailed }) {
  const world = { base, name, slug: `${name}-inc`, email: `${name}@example.com`, mailed };
  for (const step of [signingUp, founding, members, things, refusals, renewing, ending, programs, leaving]) {
    await step(world).catch((e) => {
      throw new Error(`${step.name}: ${e.stack}`);
    });
  }
  return world.sso;
}

async function signingUp(world) {
  const { base, email, mailed } = world;
  const sso = createSso({ baseUrl: base, store: (world.store = memoryStore()) });
  await sso.auth.register({ email, password: PASSWORD });
  await sso.auth.verifyEmail({ token: await mailed(email), password: PASSWORD });
  const wrong = await refusalOf(sso.auth.login({ email, password: 'a wrong password' }));
  expect('a wrong password', [wrong instanceof SsoError, wrong.status, wrong.errorCode], [true, 401, 'UNAUTHORIZED']);
  const tokens = await sso.auth.login({ email, password: PASSWORD });
  expect('a second factor is missing', needsMfa(tokens), false);
  expect('who it is', (await sso.user.getProfile()).email, email);
  world.sso = sso;
}

async function founding({ sso, slug }) {
  const founded = await sso.organizations.create({ slug, name: 'A company' }, { idempotencyKey: `found ${slug}` });
  const again = await sso.organizations.create({ slug, name: 'A company' }, { idempotencyKey: `found ${slug}` });
  expect('the same answer for the same key', again.organization.id, founded.organization.id);
  expect('where one is after founding', (await sso.user.getProfile()).org, '');
  const selected = await sso.organizations.select(slug);
  expect('the role of a founder', selected.membership.role, 'owner');
  expect('where one is after a switch', (await sso.user.getProfile()).org, slug);
  expect('its own organizations', (await sso.organizations.list({ limit: 5, status: null })).map(({ organization }) => organization.slug), [slug]);
}

async function members({ sso, slug, name }) {
  const invitation = await sso.organizations.members.add(slug, { email: `${name}-bea@example.com`, role: 'member' });
  const { members: all, total } = await sso.organizations.members.list(slug);
  expect('members', [total, invitation.role], [2, 'member']);
  const bea = all.find(({ membership }) => membership.role === 'member').user.id;
  expect('a role', (await sso.organizations.members.updateRole(slug, bea, { role: 'admin' })).membership.role, 'admin');
  await sso.organizations.members.remove(slug, bea);
  expect('members after a removal', (await sso.organizations.members.list(slug)).total, 1);
}

async function things({ sso, slug }) {
  const role = await sso.organizations.roles.create(slug, { slug: 'auditor', name: 'Auditor', permissions: ['audit_logs.view'] });
  expect('a role', (await sso.organizations.roles.get(slug, role.id)).permissions, ['audit_logs.view']);
  expect('nothing', (await sso.organizations.roles.delete(slug, role.id)) === undefined);
  const { logs } = await sso.organizations.auditLogs.get(slug, { limit: 100 });
  expect('what was done is in the log', ['role.created', 'role.deleted', 'user.removed'].every((action) => logs.some((log) => log.action === action)));
  const csv = await sso.organizations.auditLogs.export(slug, { format: 'csv' });
  expect('an export is text', csv.includes('role.created'));
  const stream = await sso.fetch(`/api/organizations/${slug}/audit-log/export?format=ndjson`);
  expect('an export as a stream', [stream.ok, (await stream.text()).includes('role.created')], [true, true]);
  expect('the address of a logo', new URL(sso.organizations.getLogo(slug)).pathname, `/api/organizations/${slug}/branding/logo`);
  let etag;
  await sso.organizations.get(slug, { onResponse: ({ headers }) => (etag = headers.get('etag')) });
  const updated = await sso.organizations.update(slug, { name: 'Another name' }, { ifMatch: etag });
  expect('a new name', updated.organization.name, 'Another name');
  expect('an old version', (await refusalOf(sso.organizations.update(slug, { name: 'A third' }, { ifMatch: etag }))).status, 412);
}

async function refusals({ sso, slug, base }) {
  const wrong = await refusalOf(sso.organizations.create({ slug: 'x', name: '' }));
  expect('every field that is wrong', [wrong.status, wrong.details.map(({ field }) => field).sort()], [400, ['name', 'slug']]);
  expect('its name in the log', typeof wrong.requestId, 'string');
  const missing = await refusalOf(sso.organizations.webhooks.get(slug, 'wh_nobody'));
  expect('no such thing', missing.isNotFound);
  expect('no session', (await refusalOf(createSso({ baseUrl: base }).user.getProfile())).isAuthError);
  const called = await refusalOf(sso.user.getProfile({ signal: AbortSignal.abort() }));
  expect('called off', called.name, 'AbortError');
  // Nobody listens at port 9 (discard).
  const nobody = await refusalOf(createSso({ baseUrl: 'http://127.0.0.1:9', retries: 0 }).hosts.getContext());
  expect('no server', [nobody.status, nobody.errorCode], [0, 'NETWORK_ERROR']);
}

/** Ahead of a token's end, and after the server took it no longer: by one request. */
async function renewing({ base, store, slug }) {
  const { counted, times } = counting();
  const late = { now: () => Date.now() + HOUR, after: (ms, run) => clearTimeout.bind(null, setTimeout(run, ms)) };
  const sso = createSso({ baseUrl: base, store, fetch: counted, clock: late });
  const five = () => Promise.all([1, 2, 3, 4, 5].map(() => sso.user.getProfile()));
  expect('still there', (await five()).map(({ org }) => org), [slug, slug, slug, slug, slug]);
  expect('renewals ahead of the end, by a clock that is wrong', times(REFRESH), 1);
  const { refresh_token } = store.read();
  store.write({ access_token: 'no.good.token', refresh_token });
  expect('still there', (await five()).map(({ org }) => org), [slug, slug, slug, slug, slug]);
  expect('renewals of a token that is no good', times(REFRESH), 2);
}

async function ending({ base, email }) {
  const store = memoryStore();
  let ended = 0;
  const one = createSso({ baseUrl: base, store, onSessionEnd: () => (ended += 1) });
  await one.auth.login({ email, password: PASSWORD });
  const sessions = await one.user.sessions.list();
  const other = createSso({ baseUrl: base });
  await other.auth.login({ email, password: PASSWORD });
  await other.user.sessions.revoke(sessions.find((session) => session.current).id);
  const refused = await Promise.all([1, 2, 3].map(() => refusalOf(one.user.getProfile())));
  expect('who was signed out elsewhere is out', [refused.map(({ status }) => status), ended, store.read()], [[401, 401, 401], 1, undefined]);
  await other.auth.logout();
}

async function programs({ base, sso, slug }) {
  const made = await sso.organizations.apiKeys.create(slug, { name: 'A program', permissions: ['org.members.view'] });
  const program = createSso({ baseUrl: base, apiKey: made.secret });
  expect('what a program sees', (await program.organizations.members.list(slug)).total, 1);
  expect("what is a person's", (await refusalOf(program.user.getProfile())).status >= 400);
}

async function leaving({ sso, store }) {
  const { refresh_token } = store.read();
  await sso.auth.logout();
  expect('nobody', (await sso.session.tokens()) === undefined);
  expect('what was the session', (await refusalOf(sso.auth.refreshToken(refresh_token))).status, 401);
}
