// Passkeys, with a device of Chromium's own (its virtual authenticator).

import { expect } from './start.mjs';

const DEVICE = {
  protocol: 'ctap2', ctap2Version: 'ctap2_1', transport: 'internal', hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true,
};

/** Gives a browser a device that keeps passkeys; answers how it is told whether it can make sure of the person. */
export async function device(visitor) {
  const session = await visitor.context.newCDPSession(visitor.page);
  await session.send('WebAuthn.enable');
  const { authenticatorId } = await session.send('WebAuthn.addVirtualAuthenticator', { options: DEVICE });
  return (isUserVerified) => session.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified });
}

/** Makes a passkey on a page of ours, for whoever is signed in at the API. */
async function added(visitor, who) {
  const { challenge_id, options } = await who.post('/api/auth/passkeys/register/start');
  const credential = await visitor.page.evaluate(async ({ publicKey }) => {
    const made = await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(publicKey) });
    return JSON.parse(JSON.stringify(made));
  }, options);
  return who.post('/api/auth/passkeys/register/finish', { challenge_id, credential, name: "Pat's laptop" });
}

/** Neither address nor password: the device says who it is. */
export async function withPasskey({ api, application, open }) {
  const who = await api.signUp('pat@example.com');
  const pat = await open();
  const verified = await device(pat);
  await pat.open(`${application.url}/login`);
  const { id } = await added(pat, who);
  await pat.open(`${application.url}/login`);
  await verified(false);
  await pat.press('button:has-text("passkey")');
  await pat.page.locator('[data-failed]:not([hidden])').waitFor();
  await pat.look('passkey: the device is not sure of the person', { scripts: 1 });
  await verified(true);
  await pat.press('form .button.main');
  expect('who is at the application', [await pat.text('#person'), await pat.text('#amr')], ['pat@example.com', 'pop,mfa']);

  // The page asks by itself, and goes on.
  await pat.context.clearCookies();
  await pat.open(`${application.url}/login`);
  await pat.page.locator('button:has-text("passkey")').click();
  await pat.page.waitForURL(`${application.url}/`);
  expect('who is at the application', await pat.text('#person'), 'pat@example.com');

  // One that was removed is known to the device only.
  await who.call('DELETE', `/api/auth/passkeys/${id}`);
  await pat.context.clearCookies();
  await pat.open(`${application.url}/login`);
  await pat.page.locator('button:has-text("passkey")').click();
  await pat.page.locator('.note.bad:not([hidden])').waitFor();
  await pat.look('passkey: one that is not known');
  await pat.press('form:last-of-type .button');
  expect('another way', await pat.page.locator('[name=email]').count(), 1);
  await pat.close();

  const without = await open({ javaScriptEnabled: false });
  await without.open(`${application.url}/login`);
  await without.press('button:has-text("passkey")');
  await without.look('without script: passkey', { scripts: 1 });
  await without.close();
}
