// What goes wrong, and is told on a page.

import { expect } from './start.mjs';
import { Api, PASSWORD } from './people.mjs';

async function told(visitor, name, url, status) {
  const answer = await visitor.open(url);
  expect(`${name}: the status of ${url}`, answer.status(), status);
  await visitor.look(`error: ${name}`);
}

export async function goingWrong({ api, application, service, open }) {
  const ann = await open();
  const authorize = (parameters) => `${api.base}/authorize?${new URLSearchParams(parameters)}`;
  const { client_id } = application;
  await told(ann, 'an unknown application', authorize({ client_id: 'nobody' }), 400);
  await told(ann, 'an unknown way back', authorize({ client_id, redirect_uri: 'https://evil.example/' }), 400);
  await told(ann, 'no request', `${authorize({ client_id })}&state=1&state=2`, 400);

  await ann.open(`${application.url}/login`);
  const flow = ann.page.url();
  const other = await open();
  await told(other, "another browser's", flow, 400);
  await other.close();
  await ann.signIn(flow, 'ann@example.com');
  await told(ann, 'over', flow, 400);
  await told(ann, 'no sign-in', `${api.base}/signin/nonsense`, 400);

  await ann.open(`${application.url}/login?prompt=login`);
  const forger = await ann.tab();
  await forger.open(`${application.url}/forger?to=${encodeURIComponent(ann.page.url())}`);
  await forger.press('button');
  await forger.look("error: another site's form");

  // An organization's own application is nobody whom strangers are sent to unasked.
  const request = { client_id: service.client_id, redirect_uri: service.redirect_uri, response_type: 'code', scope: 'openid', state: 'a state' };
  const stranger = await open();
  await stranger.open(authorize({ ...request, code_challenge: 'x'.repeat(43), code_challenge_method: 'S256', organization: 'beta' }));
  await stranger.look('on to another site?');
  expect('where to', await stranger.text('.facts b'), 'portal.example.com');
  await stranger.close();
  await ann.open(`${application.url}/login?organization=nobody`);
  expect('what the application is told', await ann.text('#error'), 'invalid_request');
  await ann.close();
}

/** Where guesses are slowed: the other server is as it comes. Its owner guesses at a password. */
export async function guessing({ fresh, application, open }) {
  const api = new Api(fresh.base, fresh.mails);
  const owner = await api.login('owner@example.com');
  const { client } = await owner.post('/api/platform/clients', { name: 'Brightwater', redirect_uris: [`${application.url}/callback`] });
  const parameters = { client_id: client.client_id, redirect_uri: `${application.url}/callback`, response_type: 'code', scope: 'openid' };
  const eve = await open();
  const challenge = { code_challenge: 'x'.repeat(43), code_challenge_method: 'S256' };
  await eve.open(`${fresh.base}/authorize?${new URLSearchParams({ ...parameters, ...challenge })}`);
  await eve.send({ email: 'owner@example.com' });
  for (let guess = 0; guess < 30 && (await eve.page.locator('[role=alert]').count()) === 0; guess += 1) await eve.send({ password: `${PASSWORD} ${guess}` });
  expect('guesses are slowed', await eve.page.locator('[role=alert]').count(), 1);
  await eve.look('password: too many wrong ones');
  await eve.close();
}
