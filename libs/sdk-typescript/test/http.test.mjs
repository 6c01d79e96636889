// Requests: what is sent, what is waited for, what is sent again, what comes back.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { localStorageStore, SsoError } from '../dist/index.js';
import { json, ManualClock, refused, world } from './world.mjs';

const offline = () => Promise.reject(new TypeError('fetch failed'));

test('what is sent', async (t) => {
  const rows = [
    [(sso) => sso.organizations.members.remove('acme', 'usr_1'), 'POST /api/organizations/acme/members/usr_1', undefined],
    [(sso) => sso.organizations.list(), 'GET /api/organizations', undefined],
    [(sso) => sso.organizations.list({ page: 2, status: null, limit: undefined }), 'GET /api/organizations?page=2', undefined],
    [(sso) => sso.organizations.get('a b/ü?'), 'GET /api/organizations/a%20b%2F%C3%BC%3F', undefined],
    [(sso) => sso.organizations.updateBranding('acme', { logo_url: null }), 'PATCH /api/organizations/acme/branding', '{"logo_url":null}'],
    [(sso) => sso.organizations.testSmtp('acme'), 'POST /api/organizations/acme/smtp/test', undefined],
    [(sso) => sso.invitations.accept('inv_1'), 'POST /api/invitations/accept', '{"token":"inv_1"}'],
    [(sso) => sso.auth.revoke({ token: 'rt & co' }), 'POST /auth/revoke', 'token=rt+%26+co'],
  ];
  for (const [call, path, body] of rows) {
    await t.test(path, async () => {
      const { sso, server } = world();
      await call(sso);
      const [request] = server.asked;
      assert.deepEqual([`${request.method} ${request.path}`, request.body?.toString()], [path, body]);
      const type = typeof body === 'string' && body.startsWith('{') ? 'application/json' : null;
      assert.equal(request.headers.get('content-type'), type);
      assert.equal(request.headers.get('accept'), 'application/json');
    });
  }
});

test('a parameter that names nothing, or another operation, is not sent', async () => {
  const { sso, server } = world();
  for (const slug of ['', '.', '..', undefined, null, {}, Number.NaN]) {
    await assert.rejects(async () => sso.organizations.get(slug), TypeError, String(slug));
  }
  await assert.rejects(sso.fetch('api/user'), TypeError);
  assert.deepEqual(server.paths, []);
});

test('options are headers where the operation takes them', async () => {
  const { sso, server } = world();
  await sso.organizations.create({ slug: 'acme', name: 'Acme' }, { idempotencyKey: 'key 1', headers: { 'x-more': 'yes' } });
  await sso.organizations.update('acme', { name: 'Acme' }, { ifMatch: '"3"' });
  const [created, updated] = server.asked.map(({ headers }) => headers);
  assert.deepEqual([created.get('idempotency-key'), created.get('x-more'), updated.get('if-match')], ['key 1', 'yes', '"3"']);
});

test('what comes back', async (t) => {
  const text = (body, type) => new Response(body, { headers: { 'content-type': type } });
  const rows = [
    ['JSON', () => json(200, { a: 1 }), { a: 1 }],
    ['null', () => json(200, null), null],
    ['nothing', () => new Response(null, { status: 204 }), undefined],
    ['text', () => text('a,b\n', 'text/csv'), 'a,b\n'],
    ['no text', () => text('', 'text/csv'), undefined],
  ];
  for (const [name, answer, wanted] of rows) {
    await t.test(name, async () => {
      const { sso, server } = world();
      server.answer = answer;
      assert.deepEqual(await sso.user.getProfile(), wanted);
    });
  }
});

test('refusals are one class', async (t) => {
  const details = [{ field: 'slug', code: 'too_short', message: 'Longer.' }];
  const unknown = { errorCode: 'UNKNOWN_ERROR', code: 'unknown_error' };
  const busy = () => json(429, { error: 'Wait.', error_code: 'TOO_MANY_REQUESTS', code: 'too_many', timestamp: 'now' }, { 'retry-after': '60' });
  const rows = [
    ['a field', () => refused(400, 'BAD_REQUEST', 'too_short', { details }), { status: 400, errorCode: 'BAD_REQUEST', code: 'too_short', details, requestId: 'req_1' }],
    ['forbidden', () => refused(403, 'FORBIDDEN', 'step_up_required', { step_up: { factor: 'otp' } }), { status: 403, isForbidden: true, stepUp: { factor: 'otp' } }],
    ['no such thing', () => refused(404, 'NOT_FOUND', 'not_found'), { isNotFound: true, isAuthError: false, details: [] }],
    ['too many', busy, { status: 429, retryAfter: 60 }],
    ["a proxy's page", () => new Response('<h1>Bad gateway</h1>', { status: 418 }), { status: 418, ...unknown }],
    ['broken JSON', () => new Response('{', { status: 500, headers: { 'content-type': 'application/json' } }), { status: 500, ...unknown }],
  ];
  for (const [name, answer, facts] of rows) {
    await t.test(name, async () => {
      const { sso, server } = world();
      server.answer = answer;
      const error = await sso.user.getProfile().catch((e) => e);
      assert.ok(error instanceof SsoError && error instanceof Error);
      assert.equal(error.name, 'SsoError');
      for (const [key, value] of Object.entries(facts)) assert.deepEqual(error[key], value, key);
    });
  }
});

test('what is sent again', async (t) => {
  const status = (code, headers) => () => json(code, {}, headers);
  const read = (sso) => sso.user.getProfile();
  const write = (sso) => sso.organizations.create({ slug: 'acme', name: 'Acme' });
  const keyed = (sso) => sso.organizations.create({ slug: 'acme', name: 'Acme' }, { idempotencyKey: 'k' });
  const rows = [
    ['a read without a network', read, offline, 3, 750],
    ['a read at a busy server', read, status(503), 3, 750],
    ['a read, when the server says when', read, status(429, { 'retry-after': '2' }), 3, 4000],
    ['not a read that would have to wait for long', read, status(429, { 'retry-after': '60' }), 1, 0],
    ['not a read that failed', read, status(500), 1, 0],
    ['not a refused read', read, status(404), 1, 0],
    ['not a write', write, offline, 1, 0],
    ['not a write at a busy server', write, status(503), 1, 0],
    ['a write with a key', keyed, offline, 3, 750],
  ];
  for (const [name, call, answer, times, passed] of rows) {
    await t.test(name, async () => {
      const { sso, server, clock } = world();
      server.answer = answer;
      const failed = assert.rejects(call(sso), SsoError);
      assert.equal(await clock.passUntil(failed), passed);
      await failed;
      assert.equal(server.asked.length, times);
      assert.equal(clock.waiting, 0, 'no timer is left');
    });
  }
  await t.test('until there is an answer', async () => {
    const { sso, server, clock } = world();
    server.answer = () => (server.asked.length < 3 ? offline() : json(200, 'there'));
    const call = sso.user.getProfile();
    await clock.passUntil(call);
    assert.equal(await call, 'there');
  });
});

test('a call ends', async (t) => {
  const never = ({ signal }) => new Promise((_, refuse) => signal.addEventListener('abort', () => refuse(signal.reason)));
  const deaf = () => new Promise(() => {});
  const stuck = () => new Response(new ReadableStream({}), { headers: { 'content-type': 'application/json' } });
  for (const [name, answer] of [['never', never], ['deaf', deaf], ['stuck', stuck]]) {
    await t.test(`${name}: in time`, async () => {
      const { sso, server, clock } = world();
      server.answer = answer;
      for (const timeoutMs of [undefined, 5000]) {
        const failed = assert.rejects(sso.user.getProfile({ timeoutMs }), { name: 'SsoError', status: 408, errorCode: 'TIMEOUT' });
        assert.equal(await clock.passUntil(failed), timeoutMs ?? 30_000);
        await failed;
      }
      assert.equal(clock.waiting, 0, 'no timer is left');
    });
    await t.test(`${name}: by its signal`, async () => {
      const { sso, server, clock } = world();
      server.answer = answer;
      const controller = new AbortController();
      const failed = assert.rejects(sso.user.getProfile({ signal: controller.signal }), { name: 'AbortError' });
      await ManualClock.quiet();
      controller.abort();
      await failed;
      assert.equal(clock.waiting, 0, 'no timer is left');
    });
  }
  await t.test('before it begins', async () => {
    const { sso, server } = world();
    await assert.rejects(sso.user.getProfile({ signal: AbortSignal.abort('enough') }), (e) => e === 'enough');
    assert.deepEqual(server.paths, []);
  });
  await t.test('while it waits to be sent again', async () => {
    const { sso, server } = world();
    server.answer = offline;
    const controller = new AbortController();
    const failed = assert.rejects(sso.user.getProfile({ signal: controller.signal }), { name: 'AbortError' });
    await ManualClock.quiet();
    controller.abort();
    await failed;
    assert.equal(server.asked.length, 1);
  });
});

test('a member is added by an invitation that is accepted', async () => {
  const { sso, server } = world();
  server.answer = ({ path }) => json(200, path.endsWith('/accept') ? null : { invitation: { id: 'inv_1' } });
  assert.deepEqual(await sso.organizations.members.add('acme', { email: 'bea@example.com', role: 'member' }), { id: 'inv_1' });
  assert.deepEqual(server.paths, ['POST /api/organizations/acme/invitations', 'POST /api/organizations/acme/invitations/inv_1/accept']);
});

test('an address that is not called', () => {
  const { sso, server } = world();
  assert.equal(sso.organizations.getLogo('acme', { v: 'x' }), 'https://sso.example.com/api/organizations/acme/branding/logo?v=x');
  assert.deepEqual(server.paths, []);
});

test('requests of an application itself have the session, too', async () => {
  const { sso, server } = world();
  server.good = 'another';
  const response = await sso.fetch('/api/organizations/acme/audit-log/export?format=csv', { headers: { accept: 'text/csv' } });
  assert.equal(response.status, 200);
  assert.deepEqual(server.asked.map(({ by }) => by), ['a', undefined, 'r1']);
  assert.equal(server.asked[2].headers.get('accept'), 'text/csv');
});

test('the answer itself can be looked at', async () => {
  const { sso, server } = world();
  server.answer = () => json(200, {}, { etag: '"7"' });
  let etag;
  await sso.organizations.get('acme', { onResponse: ({ headers }) => (etag = headers.get('etag')) });
  assert.equal(etag, '"7"');
});

test("a server's address may have a path, and one slash too many", async () => {
  const { sso, server } = world({ options: { baseUrl: 'https://sso.example.com/sso/' } });
  await sso.user.getProfile();
  assert.deepEqual(server.paths, ['GET /sso/api/user']);
});

test('tokens in localStorage', () => {
  const kept = new Map();
  const storage = { getItem: (key) => kept.get(key) ?? null, setItem: (key, value) => kept.set(key, value), removeItem: (key) => kept.delete(key) };
  const store = localStorageStore(storage);
  assert.equal(store.read(), undefined);
  store.write({ access_token: 'a', refresh_token: 'r' });
  assert.deepEqual(Object.fromEntries(kept), { sso_access_token: 'a', sso_refresh_token: 'r' });
  assert.deepEqual(localStorageStore(storage).read(), { access_token: 'a', refresh_token: 'r' });
  store.write(undefined);
  assert.deepEqual([kept.size, store.read()], [0, undefined]);
});
