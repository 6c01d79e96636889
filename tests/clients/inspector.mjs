// What is asked of every page, wherever a walk meets it: no violation that axe-core finds, light and dark, wide and narrow; no sideways
// scrolling at 320 pixels; nothing that the page's own policy refused; one heading, a title, a language.

import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { expect } from './start.mjs';

const AXE = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const OPTIONS = {
  runOnly: { type: 'tag', values: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'] },
  resultTypes: ['violations', 'incomplete'],
  // The pages load nothing that would have to be fetched once more.
  preload: false,
};
const LOOKS = ['light', 'dark'].flatMap((colorScheme) => [1280, 390].map((width) => ({ colorScheme, width })));

/** Every page that was looked at. */
export const seen = [];

/** Listens to what a browser complains about: what a policy refused, what did not load, what a script threw. */
export function listen(page) {
  const complaints = [];
  page.on('console', (message) => {
    // A page that says 4xx is one of those that are looked at.
    const own = message.text().startsWith('Failed to load resource') && message.location().url === page.url();
    if (['error', 'warning'].includes(message.type()) && !own) complaints.push(`${message.text()} (${message.location().url})`);
  });
  page.on('pageerror', (error) => {
    // A movement from one page to the next that had no time is left out, and that is all.
    if (!/^\w+Error: Transition was /.test(String(error))) complaints.push(String(error));
  });
  page.on('requestfailed', (request) => {
    if (!request.isNavigationRequest()) complaints.push(`${request.url()}: ${request.failure().errorText}`);
  });
  return complaints;
}

/** Ends a wait that Playwright would not end. */
async function within(what, answer) {
  let late;
  const never = new Promise((_, fail) => (late = setTimeout(() => fail(new Error(`no answer after a minute: ${what}`)), 60_000)));
  return Promise.race([answer, never]).finally(() => clearTimeout(late));
}

/** What axe-core finds on a page. */
export async function violations(page) {
  await page.evaluate(AXE);
  const run = page.evaluate((options) => globalThis.axe.run(document, options), OPTIONS);
  const { violations: found, incomplete } = await within(`axe-core at ${page.url()}`, run);
  const unsure = incomplete.filter(({ id }) => id === 'color-contrast');
  return [...found, ...unsure].map(({ id, nodes }) => `${id}: ${nodes.map(({ html, failureSummary }) => `${html} (${failureSummary})`).join('; ')}`);
}

/** How far the page, or something on it, reaches beyond the right edge. */
function overhang() {
  const width = document.documentElement.clientWidth;
  const beyond = [...document.body.querySelectorAll('*')].filter((element) => element.getBoundingClientRect().right > width + 0.5);
  return { scrolls: document.documentElement.scrollWidth - width, beyond: beyond.map((element) => element.outerHTML.slice(0, 120)) };
}

/** What every page has: a title, a language, a heading. And how many scripts. */
function whole() {
  return [document.title !== '', document.documentElement.lang !== '', document.querySelectorAll('h1').length, document.scripts.length];
}

/** Looks at the page that is open now. axe-core needs script to run: without, only what needs none is looked at. */
export async function look(visitor, name, { scripts = 0 } = {}) {
  const { page, complaints } = visitor;
  expect(`${name}: a title, a language, a heading and no script at ${page.url()}`, await page.evaluate(whole), [true, true, 1, scripts]);
  for (const { colorScheme, width } of visitor.scriptless ? [] : LOOKS) {
    await page.emulateMedia({ colorScheme });
    await page.setViewportSize({ width, height: 800 });
    expect(`${name}: ${colorScheme}, ${width} pixels, at ${page.url()}`, await violations(page), []);
  }
  await page.setViewportSize({ width: 320, height: 800 });
  expect(`${name}: 320 pixels, at ${page.url()}`, await page.evaluate(overhang), { scrolls: 0, beyond: [] });
  await page.setViewportSize({ width: 1280, height: 800 });
  expect(`${name}: what the browser complained about`, complaints, []);
  seen.push(name);
}
