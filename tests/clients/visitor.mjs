// Somebody with a browser of their own.

import { listen, look } from './inspector.mjs';
import { NEVER, PASSWORD } from './people.mjs';

/** Opens a browser that keeps nothing of the others'. `options` are Playwright's, of a context. */
export async function visitor(browser, options = {}) {
  // A page that moves has other colours for a moment.
  const context = await browser.newContext({ reducedMotion: 'reduce', locale: 'en-US', ...options });
  // For a machine that does something else at the same time.
  context.setDefaultTimeout(NEVER);
  return Visitor.in(context, options.javaScriptEnabled === false);
}

class Visitor {
  static async in(context, scriptless) {
    const page = await context.newPage();
    return Object.assign(new Visitor(), { context, page, scriptless, complaints: listen(page) });
  }

  /** Another tab of the same browser. */
  tab() {
    return Visitor.in(this.context, this.scriptless);
  }
  open(url) {
    return this.page.goto(url);
  }
  look(name, options) {
    return look(this, name, options);
  }
  text(selector) {
    return this.page.locator(selector).first().innerText();
  }

  /** Fills the form's fields in, by their names, and presses its main button. */
  async send(fields = {}) {
    for (const [name, value] of Object.entries(fields)) await this.page.locator(`[name="${name}"]:not([type=hidden])`).fill(value);
    await this.press('form .button.main');
  }
  /** Presses what leads to another page, and waits until that is there. */
  async press(selector) {
    const loaded = this.page.waitForEvent('domcontentloaded');
    await this.page.locator(selector).first().click();
    await loaded;
    await this.page.waitForLoadState('load');
  }
  async signIn(url, email) {
    await this.open(url);
    await this.send({ email });
    await this.send({ password: PASSWORD });
  }
  close() {
    return this.context.close();
  }
}
