// A person's browser without a screen: it keeps cookies, follows redirects as long as they lead to the server, and fills in the form of a page.

/** A browser with cookies of its own. */
export class Browser {
  #cookies = new Map();

  constructor(base) {
    this.base = base;
  }

  /** Where a request ends: `{ url, status, html }` for a page of the server's, `{ away }` for somebody else's. */
  async open(url, form) {
    const headers = { cookie: [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ') };
    if (form) headers.origin = this.base;
    const body = form && new URLSearchParams(form);
    const answer = await fetch(url, { method: form ? 'POST' : 'GET', headers, body, redirect: 'manual' });
    // In one line: the Node of Debian 12 has no getSetCookie() yet.
    for (const cookie of (answer.headers.get('set-cookie') ?? '').split(/,\s*(?=[^;,\s]+=)/).filter(Boolean)) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(cookie);
      if (/max-age=0/i.test(cookie)) this.#cookies.delete(name);
      else this.#cookies.set(name, value);
    }
    const html = await answer.text();
    if (![302, 303].includes(answer.status)) return { url, status: answer.status, html };
    const to = new URL(answer.headers.get('location'), url);
    return to.href.startsWith(this.base) ? this.open(to.href) : { away: to };
  }

  /** Sends the first form of a page with these values. */
  fill(page, values) {
    const form = /<form [^>]*action="([^"]*)".*?<\/form>/s.exec(page.html ?? '');
    if (!form) throw new Error(`there is no form: ${page.away ?? page.html}`);
    const hidden = [...form[0].matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)"/g)].map(([, name, value]) => [name, value]);
    return this.open(new URL(form[1], page.url).href, { ...Object.fromEntries(hidden), ...values });
  }

  /** Signs somebody in, and answers where that led. */
  async signIn(url, { email, password }) {
    const asked = await this.fill(await this.open(url), { email });
    const end = await this.fill(asked, { password });
    if (!end.away) throw new Error(`not at the application, but at ${end.url} (${end.status}): ${end.html}`);
    return end.away;
  }
}
