// Every operation of the OpenAPI document has its method, under the name that it has there; and every method its operation.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { read, table } from '../dist/table.js';

const document = JSON.parse(await readFile(new URL('../src/generated/openapi.json', import.meta.url), 'utf8'));

/** Why the SDK has no method for the operations of a tag. */
const LEFT_OUT_TAGS = {
  pages: 'shown to people, by a browser',
  oauth: 'any OpenID client speaks it',
  operations: 'for probes and verifiers, which need no SDK',
};

/** Why it has none for an operation. */
const LEFT_OUT = {
  'organizations.members.removeByDelete': 'organizations.members.remove',
  'organizations.members.transferOwnershipById': 'organizations.members.transferOwnership',
  'organizations.roles.updateByPatch': 'organizations.roles.update',
  'hosts.ask': 'a proxy asks it',
  'hosts.getProof': 'other servers read it',
  'billing.receiveStripe': 'Stripe calls it',
  'billing.receivePlatformStripe': 'Stripe calls it',
  'billing.receivePolar': 'Polar calls it',
  'billing.receivePlatform': 'the payment provider calls it',
};

/** The table's entry for an operation. Addresses (`url`) are ours to mark. */
function entryOf(method, path, { security, requestBody, parameters = [] }) {
  const open = JSON.stringify(security) === '[{}]' ? 'public ' : '';
  const types = Object.keys(requestBody?.content ?? {});
  const body = types.length === 0 ? '' : types.includes('application/json') ? ' {}' : ' form';
  return `${open}${method.toUpperCase()} ${path}${body}${parameters.some((parameter) => parameter.in === 'query') ? '?' : ''}`;
}

function operations() {
  const found = new Map();
  for (const [path, item] of Object.entries(document.paths)) {
    for (const [method, operation] of Object.entries(item)) {
      found.set(operation.operationId, { entry: entryOf(method, path, operation), tags: operation.tags ?? [] });
    }
  }
  return found;
}

function entries(tree, prefix = '') {
  return Object.entries(tree).flatMap(([name, node]) => (typeof node === 'string' ? [[prefix + name, node]] : entries(node, `${prefix}${name}.`)));
}

/** An entry as the document would have it. */
const plain = (entry, wanted) => (entry.startsWith('url ') ? entry.replace('url ', wanted.startsWith('public ') ? 'public ' : '') : entry);

const known = operations();
const placed = new Map(entries(table));

test('every operation has its method, or a reason why not', () => {
  const missing = [];
  for (const [name, { entry, tags }] of known) {
    const reason = LEFT_OUT[name] ?? tags.map((tag) => LEFT_OUT_TAGS[tag]).find(Boolean);
    if (!placed.has(name) && !reason) missing.push(`${name}: add to libs/sdk-typescript/src/table/*.ts   ${name.split('.').at(-1)}: '${entry}',`);
    if (placed.has(name) && reason) missing.push(`${name}: has a method, and a reason not to have one (${reason})`);
  }
  assert.deepEqual(missing, [], 'or say in test/table.test.mjs (LEFT_OUT) why an operation needs no method');
});

test('every method has its operation, as the document describes it', () => {
  const wrong = [];
  for (const [name, entry] of placed) {
    const wanted = known.get(name)?.entry;
    if (wanted === undefined) wrong.push(`${name}: no such operation; its entry is '${entry}'`);
    else if (plain(entry, wanted) !== wanted) wrong.push(`${name}: '${entry}' has to be '${wanted}'`);
  }
  assert.deepEqual(wrong, [], 'in libs/sdk-typescript/src/table/*.ts');
});

test('every reason is about an operation', () => {
  const tags = new Set([...known.values()].flatMap((operation) => operation.tags));
  const idle = [...Object.keys(LEFT_OUT).filter((name) => !known.has(name)), ...Object.keys(LEFT_OUT_TAGS).filter((tag) => !tags.has(tag))];
  assert.deepEqual(idle, []);
});

test('entries are read as they are written', () => {
  const entry = { open: false, asUrl: false, method: 'GET', path: '/a/{b}', body: undefined, query: false };
  const rows = [
    ['GET /a/{b}', {}],
    ['GET /a/{b}?', { query: true }],
    ['public POST /a/{b} {}', { open: true, method: 'POST', body: 'json' }],
    ['POST /a/{b} form', { method: 'POST', body: 'form' }],
    ['PATCH /a/{b} {}?', { method: 'PATCH', body: 'json', query: true }],
    ['url GET /a/{b}?', { asUrl: true, query: true }],
  ];
  for (const [text, more] of rows) assert.deepEqual(read(text), { ...entry, ...more }, text);
  assert.throws(() => read('nonsense'), TypeError);
});
