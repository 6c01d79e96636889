// Makes src/generated/schema.ts, the API's types, of an OpenAPI document, and keeps the document beside it for the tests:
// node scripts/generate.mjs openapi.json

import { mkdir, readFile, writeFile } from 'node:fs/promises';
import generate, { astToString } from 'openapi-typescript';

const HEAD = '// Made of the OpenAPI document by openapi-typescript (scripts/generate.mjs). Do not edit.\n\n';

/** Refusals are one class here, SsoError, and headers are read of the response: neither needs types, which would be most of the file. */
function withoutRefusals(document) {
  for (const item of Object.values(document.paths)) {
    for (const operation of Object.values(item)) {
      const answers = Object.entries(operation.responses ?? {}).filter(([status]) => status.startsWith('2'));
      if (operation.responses) operation.responses = Object.fromEntries(answers.map(([status, { headers, ...answer }]) => [status, answer]));
    }
  }
  return document;
}

const [source] = process.argv.slice(2);
if (!source) throw new Error('Say which document: npm run generate -- openapi.json (`tenantry-api openapi` prints one).');
const folder = new URL('../src/generated/', import.meta.url);
const text = await readFile(source, 'utf8');
const types = await generate(withoutRefusals(JSON.parse(text)), { silent: true });
await mkdir(folder, { recursive: true });
await writeFile(new URL('openapi.json', folder), text);
await writeFile(new URL('schema.ts', folder), HEAD + astToString(types));
