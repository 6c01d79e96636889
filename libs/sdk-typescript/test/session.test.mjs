// The session: when it is renewed, by how many requests, and what becomes of it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { memoryStore, needsMfa, SsoError } from '../dist/index.js';
import { FakeServer, json, ManualClock, pair, refused, sharedLocks, world } from './world.mjs';

const MINUTE = 60_000;
const offline = () => Promise.reject(new TypeError('fetch failed'));
const fails = (promise, facts) => assert.rejects(promise, (e) => {
  assert.ok(e instanceof SsoError, e);
  for (const [name, value] of Object.entries(facts)) assert.deepEqual(e[name], value, name);
  return true;
});

test('a token is renewed ahead of its end', async (t) => {
  const rows = [
    ['a fresh one', 0, {}, 0],
    ['31 seconds before', 10 * MINUTE - 31_000, {}, 0],
    ['30 seconds before', 10 * MINUTE - 30_000, {}, 1],
    ['long after', 60 * MINUTE, {}, 1],
    ['a short one in its first half', 9_000, { life: 20_000 }, 0],
    ['a short one in its second half', 10_000, { life: 20_000 }, 1],
  ];
  for (const [name, passed, made, renewals] of rows) {
    await t.test(name, async () => {
      const { sso, clock, server } = world({ tokens: pair('a', made) });
      clock.move(passed);
      await sso.user.getProfile();
      assert.equal(server.renewals, renewals);
      assert.equal(server.asked.at(-1).by, renewals ? 'r1' : 'a');
    });
  }
});

test('what is no JWT is sent as it is, until the server says no', async () => {
  const { sso, server } = world({ tokens: { access_token: 'opaque', refresh_token: 'rt_a' } });
  await sso.user.getProfile();
  assert.equal(server.asked[0].headers.get('authorization'), 'Bearer opaque');
  assert.equal(server.renewals, 0);
});

test('a machine whose clock is wrong renews no more often', async () => {
  const { sso, clock, server } = world();
  clock.move(5 * 60 * MINUTE);
  // The server's clock stays where it was.
  server.renew = () => json(200, pair((server.good = `r${server.renewals}`)));
  for (let call = 0; call < 3; call += 1) await sso.user.getProfile();
  assert.equal(server.renewals, 1);
});

test('a 401 renews the session and repeats the request, once', async () => {
  const { sso, server, store } = world();
  server.good = 'another';
  await sso.organizations.update('acme', { name: 'Acme' });
  const path = 'PATCH /api/organizations/acme';
  assert.deepEqual(server.paths, [path, 'POST /api/auth/refresh', path]);
  assert.deepEqual(server.asked.map(({ body }) => body), ['{"name":"Acme"}', '{"refresh_token":"rt_a"}', '{"name":"Acme"}']);
  assert.equal(store.read().refresh_token, 'rt_r1');

  server.answer = () => refused(401, 'UNAUTHORIZED', 'whatever');
  await fails(sso.user.getProfile(), { status: 401, code: 'whatever', isAuthError: true });
  assert.equal(server.renewals, 2);
  assert.equal(server.asked.length, 6);
});

test('many calls at once share one renewal', async () => {
  for (const dead of [true, false]) {
    const { sso, clock, server } = world();
    if (dead) server.good = 'another';
    else clock.move(10 * MINUTE);
    await Promise.all(Array.from({ length: 20 }, () => sso.organizations.list({ page: 1 })));
    assert.equal(server.renewals, 1, `with a dead token: ${dead}`);
  }
});

test('two tabs share one renewal', async () => {
  const [clock, store, locks] = [new ManualClock(), memoryStore(), sharedLocks()];
  const server = new FakeServer(clock);
  const tabs = [1, 2].map(() => world({ clock, store, server, options: { locks } }).sso);
  server.good = 'another';
  await Promise.all(tabs.flatMap((tab) => [tab.user.getProfile(), tab.user.getProfile()]));
  assert.equal(server.renewals, 1);
});

test('a tab that has its turn before it sees what the one before it wrote, waits for that', async () => {
  const [clock, kept, locks] = [new ManualClock(), memoryStore(), sharedLocks()];
  const server = new FakeServer(clock);
  // What is written is seen by the tab that wrote it, and by the other half a second later.
  const tab = () => {
    let own;
    const write = (tokens) => {
      own = { tokens };
      clock.after(500, () => (kept.write(tokens), (own = undefined)));
    };
    return world({ clock, server, store: { read: () => (own ? own.tokens : kept.read()), write }, tokens: null, options: { locks } }).sso;
  };
  kept.write(pair('a'));
  server.good = 'another';
  const calls = Promise.all([tab(), tab()].map((sso) => sso.user.getProfile()));
  assert.equal(await clock.passUntil(calls), 500);
  await calls;
  assert.equal(server.renewals, 1);
});

test('a tab whose word is never seen does not stop the others for ever', async () => {
  const locks = sharedLocks();
  const [one, other] = [world({ options: { locks } }), world({ options: { locks } })];
  one.server.good = other.server.good = 'another';
  await one.sso.user.getProfile();
  // It has a session of its own, with the same token.
  const call = other.sso.user.getProfile();
  assert.equal(await other.clock.passUntil(call), 2000);
  assert.deepEqual([await call, other.server.renewals], [{ fine: true }, 1]);
});

test('a tab that sleeps on its lock does not stop the others for ever', async () => {
  const [locks, asleep] = [sharedLocks(), { now: true }];
  const waits = (_, { signal }) => new Promise((_, refuse) => signal.addEventListener('abort', () => refuse(signal.reason)));
  const request = (...args) => (asleep.now ? waits(...args) : locks.request(...args));
  const { sso, server, clock, store } = world({ options: { locks: { request, query: locks.query } } });
  server.good = 'another';
  const call = fails(sso.user.getProfile(), { status: 408, errorCode: 'TIMEOUT' });
  assert.equal(await clock.passUntil(call), 30_000);
  await call;
  assert.equal(server.renewals, 0);
  asleep.now = false;
  assert.deepEqual(await sso.user.getProfile(), { fine: true });
  asleep.now = true;
  await sso.session.clear();
  assert.equal(store.read(), undefined);
});

test('a refused renewal ends the session, and says so once', async () => {
  for (const status of [400, 401, 403]) {
    const { sso, server, store, ends } = world();
    server.good = 'another';
    server.renew = () => refused(status, 'UNAUTHORIZED', 'invalid_refresh_token');
    const calls = [1, 2, 3].map(() => fails(sso.user.getProfile(), { status: 401, code: 'invalid_token' }));
    await Promise.all(calls);
    assert.deepEqual([store.read(), ends(), server.renewals], [undefined, 1, 1]);
    server.answer = ({ by }) => json(200, { by: by ?? 'nobody' });
    assert.deepEqual(await sso.user.getProfile(), { by: 'nobody' });
  }
});

test('a renewal that could not be made ends nothing', async () => {
  const rows = [[offline, { status: 0, errorCode: 'NETWORK_ERROR' }, 3], [() => refused(500, 'DATABASE_ERROR', 'internal'), { status: 500 }, 1]];
  for (const [renew, facts, attempts] of rows) {
    const { sso, clock, server, store, ends } = world();
    server.good = 'another';
    const right = server.renew;
    server.renew = renew;
    const calls = Promise.all([1, 2, 3].map(() => fails(sso.user.getProfile(), facts)));
    await clock.passUntil(calls);
    await calls;
    assert.deepEqual([store.read().refresh_token, ends()], ['rt_a', 0]);
    assert.equal(server.renewals, attempts, 'they share the failure, too');
    server.renew = right;
    await sso.user.getProfile();
  }
});

test('while a token still does, a renewal that could not be made stops nothing', async () => {
  const { sso, clock, server } = world();
  clock.move(10 * MINUTE - 10_000);
  server.renew = offline;
  const call = sso.user.getProfile();
  await clock.passUntil(call);
  assert.deepEqual(await call, { fine: true });
  assert.equal(server.asked.at(-1).by, 'a');
});

test('a renewal whose answer got lost is asked again', async () => {
  const { sso, clock, server } = world();
  server.good = 'another';
  const right = server.renew;
  server.renew = () => (server.renewals === 1 ? offline() : right());
  const call = sso.user.getProfile();
  assert.ok((await clock.passUntil(call)) < 10_000, 'within the time for which the server repeats its answer');
  assert.deepEqual(await call, { fine: true });
});

test('signing in, switching and signing out change the session', async () => {
  const { sso, server, store } = world({ tokens: null });
  server.answer = ({ path }) => json(200, pair(path.split('/').at(-1)));
  await sso.auth.login({ email: 'ann@example.com', password: 'a password' });
  assert.deepEqual(store.read(), { access_token: pair('login').access_token, refresh_token: 'rt_login' });
  server.good = 'login';
  await sso.organizations.select('acme');
  assert.equal((await sso.session.tokens()).refresh_token, 'rt_select');
  server.good = 'select';
  await sso.auth.logout();
  assert.deepEqual([server.asked.at(-1).by, store.read()], ['select', undefined]);
});

test('a sign-in that waits for its second factor is none yet', async () => {
  const { sso, server, store } = world({ tokens: null });
  server.answer = () => json(200, { access_token: 'preauth', refresh_token: '', expires_in: 300 });
  const answer = await sso.auth.login({ email: 'ann@example.com', password: 'a password' });
  assert.deepEqual([needsMfa(answer), store.read()], [true, undefined]);
  server.answer = () => json(200, pair('mfa'));
  await sso.auth.verifyMfa(answer.access_token, '123456');
  assert.equal(server.asked[1].body, '{"preauth_token":"preauth","code":"123456"}');
  assert.equal(store.read().refresh_token, 'rt_mfa');
});

test('founding an organization stays where one is', async () => {
  const { sso, server, store } = world();
  server.answer = () => json(200, pair('founded'));
  await sso.organizations.create({ slug: 'acme', name: 'Acme' });
  assert.equal(store.read().refresh_token, 'rt_a');
});

test('a wrong password is neither renewed nor tried again', async () => {
  const { sso, server, store } = world();
  server.answer = () => refused(401, 'UNAUTHORIZED', 'wrong_credentials');
  await fails(sso.auth.login({ email: 'ann@example.com', password: 'wrong' }), { status: 401, code: 'wrong_credentials' });
  assert.deepEqual(server.paths, ['POST /api/auth/login']);
  assert.equal(server.asked[0].headers.get('authorization'), null);
  assert.equal(store.read().refresh_token, 'rt_a');
});

test('a renewal that is on its way undoes nothing', async (t) => {
  const rows = [
    ['a switch', (session) => session.set(pair('select')), 'rt_select'],
    ['signing out', (session) => session.clear(), undefined],
  ];
  for (const [name, change, kept] of rows) {
    await t.test(name, async () => {
      const { sso, server, store } = world();
      server.good = 'another';
      const [right, answer] = [server.renew, {}];
      server.renew = () => new Promise((done) => (answer.comes = () => done(right())));
      const read = sso.user.getProfile().catch((e) => e);
      await ManualClock.quiet();
      const changed = change(sso.session);
      await ManualClock.quiet();
      answer.comes();
      await Promise.all([changed, read]);
      assert.equal(store.read()?.refresh_token, kept);
    });
  }
});

test('where tabs have no lock, the one that comes too late goes on with what the other got', async () => {
  const { sso, server, store, ends } = world();
  server.good = 'b';
  server.renew = () => {
    store.write(pair('b'));
    return refused(401, 'UNAUTHORIZED', 'invalid_refresh_token');
  };
  assert.deepEqual(await sso.user.getProfile(), { fine: true });
  assert.deepEqual([server.asked.at(-1).by, store.read().refresh_token, ends()], ['b', 'rt_b', 0]);
});

test('somebody who signs out is out, whatever the server says', async () => {
  const rows = [[() => refused(401, 'UNAUTHORIZED', 'over'), undefined], [() => refused(500, 'DATABASE_ERROR', 'internal'), 500], [offline, 0]];
  for (const [answer, status] of rows) {
    const { sso, server, store } = world();
    server.answer = answer;
    server.renew = () => refused(401, 'UNAUTHORIZED', 'over');
    if (status === undefined) await sso.auth.logout();
    else await fails(sso.auth.logout(), { status });
    assert.equal(store.read(), undefined);
  }
});

test('refreshing by hand takes its turn with the session', async () => {
  const { sso, server, store } = world();
  server.good = 'another';
  const [answer] = await Promise.all([sso.auth.refreshToken('rt_a'), sso.user.getProfile()]);
  assert.equal(server.renewals, 1);
  assert.equal(store.read().refresh_token, answer.refresh_token);
  await sso.auth.refreshToken('rt_of_somebody_else');
  assert.equal(store.read().refresh_token, answer.refresh_token);
});

test('a program with an API key has no session', async () => {
  const { sso, server } = world({ options: { apiKey: 'tk_key' } });
  server.answer = () => refused(401, 'UNAUTHORIZED', 'unknown_key');
  await fails(sso.serviceApi.listUsers({ limit: 5 }), { code: 'unknown_key' });
  assert.deepEqual(server.paths, ['GET /api/service/users?limit=5']);
  const { headers } = server.asked[0];
  assert.deepEqual([headers.get('x-api-key'), headers.get('authorization')], ['tk_key', null]);
});

test('the application gets a token for its own API', async () => {
  const { sso, clock, server } = world();
  assert.equal(await sso.session.accessToken(), pair('a').access_token);
  clock.move(10 * MINUTE);
  assert.equal(await sso.session.accessToken(), (await sso.session.tokens()).access_token);
  assert.equal(server.renewals, 1);
  await sso.session.clear();
  assert.equal(await sso.session.accessToken(), undefined);
});
