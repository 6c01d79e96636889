// What comes by mail, and the link that a server prints which nobody owns.

import { expect } from './start.mjs';
import { Api, PASSWORD } from './people.mjs';

const NEW = 'quite another long sentence';

export async function signingUp({ api, open }) {
  await api.post('/api/auth/register', { email: 'nina@example.com', password: PASSWORD });
  const link = await api.mailedLink('nina@example.com', 'verify-email');
  const nina = await open();
  await nina.open(link.href);
  await nina.look('confirm an address');
  await nina.send({ password: 'not my password' });
  await nina.look('confirm an address: a wrong password');
  await nina.send({ password: PASSWORD });
  await nina.look('confirmed');
  await api.login('nina@example.com');
  await nina.open(link.href);
  await nina.send({ password: PASSWORD });
  await nina.look('a link that was used');
  await nina.close();
}

export async function changingAddress({ api, open }) {
  const nina = await api.login('nina@example.com');
  await nina.call('PATCH', '/api/user', { email: 'nina@new.example.com' });
  const link = await api.mailedLink('nina@new.example.com', 'change-email');
  const page = await open();
  await page.open(link.href);
  await page.look('confirm another address');
  await page.send();
  await page.look('confirmed another address');
  await api.login('nina@new.example.com');
  await page.close();
}

/** From the sign-in to a mail, and with the new password back into the application. */
export async function forgetting({ api, application, open }) {
  const nina = await open();
  await nina.open(`${application.url}/login`);
  await nina.send({ email: 'nina@new.example.com' });
  await nina.press('.links a');
  await nina.look('forgotten');
  await nina.send({ email: 'nonsense' });
  await nina.look('forgotten: no address');
  await nina.send({ email: 'nina@new.example.com' });
  await nina.look('forgotten: a mail is on its way');
  const mailed = await nina.tab();
  await mailed.open((await api.mailedLink('nina@new.example.com', 'reset-password')).href);
  await mailed.look('new password');
  await mailed.send({ password: 'short' });
  await mailed.look('new password: too short');
  await mailed.send({ password: NEW });
  await mailed.look('new password: set');
  await nina.press('.links a');
  await nina.send({ password: NEW });
  expect('who is at the application', await nina.text('#person'), 'nina@new.example.com');
  await nina.close();
}

export async function invited({ api, acme, open }) {
  await acme.post('/api/organizations/acme/invitations', { email: 'ivy@example.com', role: 'member' });
  const ivy = await open();
  await ivy.open((await api.mailedLink('ivy@example.com', '/invitations/accept/')).href);
  await ivy.look('invited');
  await ivy.close();
}

export async function firstOwner({ fresh, open }) {
  const owner = await open();
  await owner.open(fresh.setup);
  await owner.look('become the owner');
  await owner.send({ email: 'nonsense', password: 'short' });
  await owner.look('become the owner: two mistakes');
  await owner.send({ email: 'owner@example.com', password: PASSWORD });
  await owner.look('become the owner: done');
  await new Api(fresh.base, fresh.mails).login('owner@example.com');
  await owner.open(fresh.setup);
  await owner.send({ email: 'eve@example.com', password: PASSWORD });
  await owner.look('become the owner: there is one');
  await owner.close();
}
