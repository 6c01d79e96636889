// A real browser at a real server: every page that people meet, in the walks in which they meet it.

import { expect, task } from './start.mjs';
import { chromium } from 'playwright-core';
import { start } from './application.mjs';
import { seen, violations } from './inspector.mjs';
import { Api, NEVER } from './people.mjs';
import { visitor } from './visitor.mjs';
import { ownAccount } from './walk_account.mjs';
import { asked } from './walk_consent.mjs';
import { onADevice } from './walk_devices.mjs';
import { withNewApp, withNewPasskey } from './walk_enrolling.mjs';
import { brand, byCode, byMail, choosing, comingIn } from './walk_in.mjs';
import { changingAddress, firstOwner, forgetting, invited, signingUp } from './walk_mailed.mjs';
import { leaving } from './walk_out.mjs';
import { withPasskey } from './walk_passkeys.mjs';
import { throughSaml } from './walk_saml.mjs';
import { throughProviders } from './walk_upstream.mjs';
import { byForm, inOtherLanguages, withKeys, withoutScript } from './walk_ways.mjs';
import { goingWrong, guessing } from './walk_wrong.mjs';

// In this order: some need what others did.
const WALKS = [
  comingIn, choosing, brand, byCode, byMail, onADevice, asked, leaving, goingWrong, signingUp, changingAddress, forgetting, invited, firstOwner, guessing, withKeys, withoutScript,
  byForm, inOtherLanguages, withPasskey, withNewApp, withNewPasskey, ownAccount, throughProviders, throughSaml,
];

const browser = await chromium.launch({ executablePath: task.chromium, timeout: NEVER });
const api = new Api(task.base, task.mails);
const application = await start({ base: task.base, ...task.application });
const portal = await start({ base: task.base, ...task.portal });
const device = { base: task.base, ...task.application };
const world = { api, application, portal, device, fresh: task.fresh, ...(await people()), open: (options) => visitor(browser, options) };

try {
  await control(await world.open());
  for (const walk of WALKS) {
    const { name } = walk;
    const begin = Date.now();
    await walk(world).catch((e) => {
      throw new Error(`${name}, behind ${seen.at(-1) ?? 'no page'}: ${e.stack}`);
    });
    console.log(`${name}: ${((Date.now() - begin) / 1000).toFixed(1)} s`);
  }
} finally {
  await browser.close();
  application.stop();
  portal.stop();
}
console.log(JSON.stringify({ seen, version: browser.version() }));

/** Who and what is there before anybody walks. */
async function people() {
  const ann = await api.signUp('ann@example.com');
  const acme = await ann.found('acme', 'The acme company');
  await ann.found('beta', 'Beta, an organization');
  await acme.call('PATCH', '/api/organizations/acme/branding', { primary_color: '#ffe34d' });
  const redirect_uri = 'https://portal.example.com/cb';
  const own = { slug: 'portal', name: 'Portal', service_type: 'web', redirect_uris: [redirect_uri] };
  const { service } = await acme.post('/api/organizations/acme/services', own);
  const gamma = await (await api.signUp('mia@example.com')).found('gamma', 'Gamma');
  await gamma.call('PATCH', '/api/organizations/gamma/sign-in/policy', { mfa: 'required' });
  const authenticator = await (await api.signUp('tess@example.com')).authenticator();
  await api.signUp('eve@example.com');
  return { acme, service: { client_id: service.client_id, redirect_uri }, authenticator };
}

/** What would be found is found: or nothing that is not found means anything. */
async function control(eve) {
  await eve.open(`${application.url}/login`);
  await eve.page.evaluate(() => {
    document.querySelector('label').remove();
    document.querySelector('.lead').style.color = '#ccc';
    document.body.append(Object.assign(document.createElement('script'), { textContent: 'globalThis.foreign = true' }));
  });
  const found = (await violations(eve.page)).map((violation) => violation.split(':')[0]);
  expect('axe-core finds a missing label and pale text', found.sort(), ['color-contrast', 'label']);
  expect('the policy refuses a foreign script, and that is heard', [await eve.page.evaluate(() => globalThis.foreign), eve.complaints.length], [null, 1]);
  await eve.close();
}
