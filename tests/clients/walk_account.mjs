// One's own account: an app, a passkey, sessions.

import { expect } from './start.mjs';
import { totp } from './people.mjs';
import { device } from './walk_passkeys.mjs';

export async function ownAccount({ api, open }) {
  await api.signUp('lea@example.com');
  const home = `${api.base}/account`;
  const lea = await open();
  await lea.signIn(home, 'lea@example.com');
  expect('back at the page', lea.page.url(), home);
  await lea.look('account: nothing is set up');
  await lea.press('button:has-text("Set up")');
  await lea.look('account: an app');
  await lea.send({ code: totp((await lea.text('.key')).replaceAll(/\s/g, ''), 0) });
  await lea.look('account: recovery codes');
  await lea.press('.button.main');
  const verified = await device(lea);
  await verified(true);
  await lea.press('button:has-text("Add a passkey")');
  await lea.look('account: a passkey', { scripts: 1 });
  await lea.page.locator('[name=name]').fill('حاسوب العمل, and a name that is much longer than anybody would have thought of when this was drawn');
  await lea.page.locator('form .button.main').click();
  await lea.page.waitForURL(`${home}?done=passkey_added`);
  await lea.look('account: a passkey was added');
  await lea.press('button:has-text("Make new ones")');
  expect('new recovery codes', await lea.page.locator('.codes li').count(), 10);
  await lea.press('.button.main');
  await lea.press('.rows a');
  await lea.look('account: one passkey');
  await lea.send({ name: '' });
  await lea.look('account: a passkey without a name');
  await lea.press('form:last-of-type .button');
  expect('a passkey is gone', new URL(lea.page.url()).search, '?done=passkey_removed');
  await lea.press('button:has-text("everywhere else")');
  expect('one session is left', await lea.page.locator('section:last-of-type li').count(), 1);
  await lea.close();

  const scriptless = await open({ javaScriptEnabled: false });
  await api.signUp('ida@example.com');
  await scriptless.signIn(home, 'ida@example.com');
  await scriptless.look('without script: account');
  await scriptless.press('button:has-text("everywhere else")');
  expect('without script', new URL(scriptless.page.url()).search, '?done=ended');
  await scriptless.close();
}
