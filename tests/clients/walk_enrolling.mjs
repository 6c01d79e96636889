// A second factor is set up in the middle of a sign-in: an app, or a passkey.

import { expect } from './start.mjs';
import { totp } from './people.mjs';
import { device } from './walk_passkeys.mjs';

/** Somebody who has none, on the page that asks which it is to be. */
async function asked({ api, application, open }, { email, slug, name }, options) {
  const founder = await (await api.signUp(email)).found(slug, name);
  await founder.call('PATCH', `/api/organizations/${slug}/sign-in/policy`, { mfa: 'required', methods: ['password', 'passkey'] });
  const person = await open(options);
  await person.signIn(`${application.url}/login?organization=${slug}`, email);
  await person.send({ code: await api.mailedCode(email) });
  return person;
}

export async function withNewApp(world) {
  const nia = await asked(world, { email: 'nia@example.com', slug: 'delta', name: 'Delta' });
  await nia.look('second step: which');
  await nia.press('button[value=app]');
  await nia.look('second step: an app');
  await nia.send();
  await nia.look('second step: no code of the app');
  await nia.send({ code: '000000' });
  await nia.look('second step: a wrong code of the app');
  const key = (await nia.text('.key')).replaceAll(/\s/g, '');
  await nia.send({ code: totp(key, 0) });
  await nia.look('second step: recovery codes');
  expect('recovery codes', await nia.page.locator('.codes li').count(), 10);
  await nia.press('.button.main');
  expect('how it was nia', await nia.text('#amr'), 'pwd,otp,mfa');
  await nia.close();
}

export async function withNewPasskey(world) {
  const noa = await asked(world, { email: 'noa@example.com', slug: 'epsilon', name: 'Epsilon' });
  const verified = await device(noa);
  await verified(false);
  await noa.press('button[value=passkey]');
  await noa.look('second step: a passkey', { scripts: 1 });
  await noa.page.locator('form .button.main').click();
  await noa.page.locator('[data-failed]:not([hidden])').waitFor();
  await noa.look('second step: no passkey', { scripts: 1 });
  await verified(true);
  await noa.page.locator('form .button.main').click();
  await noa.page.waitForURL(`${world.application.url}/`);
  expect('how it was noa', await noa.text('#amr'), 'pwd,pop,mfa');
  await noa.close();
  const scriptless = await asked(world, { email: 'nick@example.com', slug: 'zeta', name: 'Zeta' }, { javaScriptEnabled: false });
  await scriptless.press('button[value=passkey]');
  await scriptless.look('without script: a new passkey', { scripts: 1 });
  await scriptless.press('.links a');
  await scriptless.press('button[value=app]');
  await scriptless.send({ code: totp((await scriptless.text('.key')).replaceAll(/\s/g, ''), 0) });
  await scriptless.look('without script: recovery codes');
  await scriptless.close();
}
