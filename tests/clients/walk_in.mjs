// Signing in: who it is, the password, the code, the organization.

import { expect } from './start.mjs';
import { PASSWORD } from './people.mjs';

/** A person, an address, a password; and known in every tab from then on. */
export async function comingIn({ application, open }) {
  const ann = await open();
  await ann.open(application.url);
  await ann.press('#login');
  await ann.look('who it is');
  await ann.send();
  await ann.look('who it is: nothing typed');
  await ann.send({ email: 'not an address' });
  await ann.look('who it is: no address');
  await ann.send({ email: 'ann@example.com' });
  await ann.look('password');
  await ann.send();
  await ann.look('password: nothing typed');
  await ann.send({ password: 'not my password' });
  await ann.look('password: a wrong one');
  await ann.press('.who a');
  await ann.look('who it is: somebody else');
  await ann.send({ email: 'ann@example.com' });
  await ann.send({ password: PASSWORD });
  expect('who is at the application', [await ann.text('#person'), await ann.text('#amr')], ['ann@example.com', 'pwd']);
  const tab = await ann.tab();
  await tab.open(`${application.url}/login`);
  expect('who is there in another tab', await tab.text('#person'), 'ann@example.com');
  await tab.open(`${application.url}/login?prompt=login&login_hint=ann@example.com`);
  await tab.look('who it is: asked again, with a hint');
  await ann.close();
}

/** At an application that needs an organization. */
export async function choosing({ portal, open }) {
  const ann = await open();
  await ann.signIn(`${portal.url}/login`, 'ann@example.com');
  await ann.look('which organization');
  await ann.press('button[value=beta]');
  expect('an organization', (await ann.text('#org')).startsWith('org_'));
  await ann.close();
  const eve = await open();
  await eve.signIn(`${portal.url}/login`, 'eve@example.com');
  await eve.look('which organization: there is none');
  await eve.close();
}

/** At an organization with a colour on which white could not be read. */
export async function brand({ application, open }) {
  const ann = await open();
  await ann.open(`${application.url}/login?organization=acme`);
  expect('whose page it is', await ann.text('.plate b'), 'The acme company');
  await ann.look("who it is, in an organization's colours");
  await ann.send({ email: 'ann@example.com' });
  await ann.look("password, in an organization's colours");
  await ann.send({ password: PASSWORD });
  expect('an organization', (await ann.text('#org')).startsWith('org_'));
  await ann.close();
}

/** A second factor: a mailed code, then an app's. */
export async function byCode({ api, application, authenticator, open }) {
  const mia = await open();
  await mia.signIn(`${application.url}/login?organization=gamma`, 'mia@example.com');
  await mia.look('mailed code');
  await mia.send();
  await mia.look('mailed code: nothing typed');
  await mia.send({ code: '00000000' });
  await mia.look('mailed code: a wrong one');
  await mia.send({ code: await api.mailedCode('mia@example.com') });
  expect('how it was mia', await mia.text('#amr'), 'pwd,otp,mfa');
  await mia.close();
  const tess = await open();
  await tess.signIn(`${application.url}/login`, 'tess@example.com');
  await tess.look("app's code");
  await tess.send({ code: '00000000' });
  await tess.look("app's code: a wrong one");
  await tess.send({ code: authenticator() });
  expect('how it was tess', await tess.text('#amr'), 'pwd,otp,mfa');
  await tess.close();
}

/** By a mail: its code, then its link, in this browser and in another. */
export async function byMail({ api, application, open }) {
  await api.signUp('liv@example.com');
  const liv = await open();
  await liv.open(`${application.url}/login`);
  await liv.send({ email: 'liv@example.com' });
  await liv.press('button:has-text("Send me a code")');
  await liv.look('mail in place of a password');
  await liv.send();
  await liv.look('mail in place of a password: nothing typed');
  await liv.send({ code: '00000000' });
  await liv.look('mail in place of a password: a wrong code');
  const link = (await api.mailedLink('liv@example.com', 'signin-link')).href;
  const phone = await open();
  await phone.open(link);
  await phone.look('mailed link: in another browser');
  const code = (await phone.text('.shown')).trim();
  expect('the same code', code, await api.mailedSignInCode('liv@example.com'));
  await phone.close();
  await liv.open(link);
  await liv.look('mailed link: in the browser that asked');
  await liv.press('.button.main');
  expect('how it was liv', await liv.text('#amr'), 'otp');
  await liv.open(link);
  await liv.look('mailed link: used');
  await api.post('/api/auth/magic-link/request', { email: 'liv@example.com' });
  await liv.open((await api.mailedLink('liv@example.com', '/magic-link')).href);
  await liv.look('a link of the API');
  await liv.close();
}
