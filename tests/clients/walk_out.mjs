// Signing out, at an application that knows who it was, and at one that does not.

import { expect } from './start.mjs';

export async function leaving({ api, application, open }) {
  const ann = await open();
  const isAsked = async () => {
    await ann.open(`${application.url}/login`);
    return (await ann.page.locator('[name=email]').count()) === 1;
  };
  await ann.signIn(`${application.url}/login`, 'ann@example.com');
  await ann.press('#logout');
  expect('back, unasked', [ann.page.url(), await ann.text('#login')], [`${application.url}/`, 'Sign in']);
  expect('asked who it is after signing out', await isAsked());

  await ann.signIn(`${application.url}/login`, 'ann@example.com');
  await ann.open(`${application.url}/logout?unknown`);
  await ann.look('sign out?');
  expect('who would be signed out', await ann.text('.who'), 'ann@example.com');
  expect('asked who it is while being asked', await isAsked(), false);
  await ann.open(`${application.url}/logout?unknown`);
  await ann.send();
  expect('back, asked', ann.page.url(), `${application.url}/`);
  expect('asked who it is after signing out', await isAsked());

  await ann.signIn(`${application.url}/login`, 'ann@example.com');
  await ann.open(`${api.base}/oidc/logout`);
  await ann.send();
  await ann.look('signed out');
  expect('asked who it is after signing out', await isAsked());
  await ann.close();
}
