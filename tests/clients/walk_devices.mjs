// A device that has no browser: its code is typed here, and it is let in, or not.

import { expect } from './start.mjs';
import { PASSWORD } from './people.mjs';

/** Asks one of our endpoints as the device does. */
async function ask({ base, client_id, client_secret }, path, parameters) {
  const answer = await fetch(base + path, { method: 'POST', body: new URLSearchParams({ client_id, client_secret, ...parameters }) });
  return answer.json();
}

const asks = (device, { device_code }) =>
  ask(device, '/oauth/token', { grant_type: 'urn:ietf:params:oauth:grant-type:device_code', device_code });

/** Somebody types a code, looks at what asks, and says yes; another time, no. */
export async function onADevice({ device, open }) {
  const begun = await ask(device, '/oauth/device_authorization', { scope: 'openid email', organization: 'acme' });
  const ann = await open();
  // A code in the address counts for nothing.
  await ann.open(`${begun.verification_uri}?user_code=${begun.user_code}`);
  await ann.look("a device's code");
  await ann.send();
  await ann.look("a device's code: nothing typed");
  await ann.send({ code: 'WDJB-MJHT' });
  await ann.look("a device's code: a wrong one");
  await ann.send({ code: begun.user_code.toLowerCase().replace('-', ' ') });
  await ann.send({ email: 'ann@example.com' });
  await ann.send({ password: PASSWORD });
  await ann.look('a device: let it in?');
  expect('where it wants in', await ann.text('.plate b'), 'The acme company');
  await ann.press('button[value=yes]');
  await ann.look('a device: let in');
  const tokens = await asks(device, begun);
  expect('what the device has', [tokens.token_type, tokens.scope], ['Bearer', 'openid email']);
  const other = await ask(device, '/oauth/device_authorization', { scope: 'openid' });
  await ann.open(other.verification_uri);
  await ann.send({ code: other.user_code });
  await ann.press('button[value=no]');
  await ann.look('a device: refused');
  expect('what the device is told', (await asks(device, other)).error, 'access_denied');
  await ann.close();
}
