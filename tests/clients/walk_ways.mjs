// Other ways of getting about: keys only, no script, other languages, an answer that comes as a form.

import { expect } from './start.mjs';
import { PASSWORD } from './people.mjs';

/** The text of what has the focus, which can be seen to have it. */
function focused() {
  const { activeElement: element } = document;
  if (element === document.body) return ['', false];
  const style = getComputedStyle(element);
  return [element.name || element.innerText, style.outlineStyle !== 'none' && Number.parseFloat(style.outlineWidth) >= 2];
}

/** Tab and Enter are all that somebody has; pages move here as they like. */
export async function withKeys({ portal, open }) {
  const ann = await open({ reducedMotion: 'no-preference' });
  const keys = ann.page.keyboard;
  const enter = async () => {
    const loaded = ann.page.waitForEvent('load');
    await keys.press('Enter');
    await loaded;
  };
  const to = async (wanted) => {
    for (let tabs = 0; tabs < 20; tabs += 1) {
      const [text, visible] = await ann.page.evaluate(focused);
      if (text.includes(wanted)) return expect(`the focus on ${wanted} can be seen`, visible);
      await keys.press('Tab');
    }
    throw new Error(`Tab does not lead to ${wanted} at ${ann.page.url()}`);
  };
  // A page has drawn itself once before it moves the focus.
  const begins = async (name) => {
    await ann.page.waitForFunction((wanted) => document.activeElement?.name === wanted, name);
    expect('where the focus is', await ann.page.evaluate(focused), [name, true]);
  };
  await ann.open(portal.url);
  await keys.press('Tab');
  await enter();
  await begins('email');
  await keys.type('ann@example.com');
  await enter();
  await begins('password');
  await keys.type('not my password');
  await to('Sign in');
  await enter();
  await begins('password');
  await keys.type(PASSWORD);
  await enter();
  await to('organization');
  await enter();
  expect('who is at the application', await ann.text('#person'), 'ann@example.com');
  expect('what the browser complained about', ann.complaints, []);
  await ann.close();
}

/** Everything works without. */
export async function withoutScript({ portal, open }) {
  const ann = await open({ javaScriptEnabled: false });
  await ann.open(`${portal.url}/login?response_mode=form_post`);
  await ann.look('without script: who it is');
  await ann.send({ email: 'ann@example.com' });
  await ann.look('without script: password');
  await ann.send({ password: 'not my password' });
  await ann.look('without script: a wrong password');
  await ann.send({ password: PASSWORD });
  await ann.look('without script: which organization');
  await ann.press('button[value=acme]');
  await ann.look('without script: an answer as a form', { scripts: 1 });
  await ann.send();
  expect('who is at the application', await ann.text('#person'), 'ann@example.com');
  await ann.open(`${portal.url}/logout?unknown`);
  await ann.look('without script: sign out?');
  await ann.send();
  expect('where signing out leads', ann.page.url(), `${portal.url}/`);
  await ann.close();
}

/** The answer comes as a form, which sends itself; and waits for a person where its script does not arrive. */
export async function byForm({ application, open }) {
  const ann = await open();
  await ann.signIn(`${application.url}/login?response_mode=form_post`, 'ann@example.com');
  await ann.page.waitForURL(`${application.url}/`);
  expect('who is at the application', await ann.text('#person'), 'ann@example.com');
  expect('what the browser complained about', ann.complaints, []);
  await ann.context.route('**/submit-*.js', (route) => route.fulfill({ contentType: 'text/javascript', body: '' }));
  await ann.open(`${application.url}/login?response_mode=form_post`);
  await ann.look('an answer as a form', { scripts: 1 });
  await ann.send();
  expect('where it leads', ann.page.url(), `${application.url}/`);
  await ann.close();
}

/** What the application asked for, until the person chooses. */
export async function inOtherLanguages({ application, open }) {
  for (const [language, other] of [['de', 'fr'], ['fr', 'de']]) {
    const ann = await open();
    const lang = () => ann.page.evaluate(() => document.documentElement.lang);
    await ann.open(`${application.url}/login?ui_locales=${language}`);
    expect('the language', await lang(), language);
    await ann.look(`who it is, in ${language}`);
    await ann.send({ email: 'ann@example.com' });
    await ann.look(`password, in ${language}`);
    await ann.send({ password: 'not my password' });
    await ann.look(`password: a wrong one, in ${language}`);
    await ann.open(ann.page.url());
    await ann.press(`footer a[lang=${other}]`);
    expect('the language that was chosen', await lang(), other);
    await ann.send({ password: PASSWORD });
    expect('who is at the application', await ann.text('#person'), 'ann@example.com');
    await ann.close();
  }
}
