// The package: it needs nothing, and says so.

import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { test } from 'node:test';

const root = new URL('../', import.meta.url);
const described = JSON.parse(await readFile(new URL('package.json', root), 'utf8'));
const dist = new URL('dist/', root);
const built = (await readdir(dist, { recursive: true })).filter((name) => /\.(js|d\.ts)$/.test(name));

test('nothing is needed at run time', async () => {
  for (const kind of ['dependencies', 'peerDependencies', 'optionalDependencies']) assert.equal(described[kind], undefined, kind);
  let seen = 0;
  for (const name of built) {
    const text = await readFile(new URL(name, dist), 'utf8');
    const named = [...text.matchAll(/^(?:import|export)[^;]*?from '([^']+)'|\bimport\(['"]([^'"]+)/gm)].map(([, from, dynamic]) => from ?? dynamic);
    seen += named.length;
    assert.deepEqual(named.filter((module) => !/^\.{1,2}\//.test(module)), [], name);
  }
  assert.ok(seen > 10, 'modules name each other');
});

test('what it exports is there', async () => {
  const { types, default: main } = described.exports['.'];
  for (const path of [types, main]) assert.ok(built.includes(path.replace('./dist/', '')), path);
  const exported = Object.keys(await import(new URL(main, root).href)).sort();
  assert.deepEqual(exported, ['SsoError', 'createSso', 'localStorageStore', 'memoryStore', 'needsMfa']);
});

test('its version is that of the API that its types are made of', async () => {
  const document = JSON.parse(await readFile(new URL('src/generated/openapi.json', root), 'utf8'));
  assert.equal(described.version, document.info.version);
});
