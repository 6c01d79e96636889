// Where a session's tokens are kept.

/** A session: what calls are made with, and what renews it. */
export interface Tokens {
  access_token: string;
  refresh_token: string;
}

/** Keeps one session's tokens. It is asked at every call, so that what another tab wrote is seen. */
export interface TokenStore {
  read(): Tokens | undefined | Promise<Tokens | undefined>;
  /** Keeps these instead of whatever there was; `undefined`: forgets. */
  write(tokens: Tokens | undefined): void | Promise<void>;
}

/** In memory: gone with the page or the process, and nothing else on the page can read them. */
export function memoryStore(): TokenStore {
  let kept: Tokens | undefined;
  return { read: () => kept, write: (tokens) => void (kept = tokens) };
}

/** The part of the Web Storage API that is needed. */
export interface WebStorage {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
}

const ACCESS = 'sso_access_token';
const REFRESH = 'sso_refresh_token';

/**
 * In `localStorage`: people stay signed in over a reload, and all tabs share one session. Every script of the page's origin can read it, so whoever
 * gets a script into the page has the session: use it only where a strict Content-Security-Policy keeps others' scripts out.
 */
export function localStorageStore(storage: WebStorage = (globalThis as unknown as { localStorage: WebStorage }).localStorage): TokenStore {
  return {
    read() {
      const [access_token, refresh_token] = [storage.getItem(ACCESS), storage.getItem(REFRESH)];
      return access_token && refresh_token ? { access_token, refresh_token } : undefined;
    },
    write(tokens) {
      if (!tokens) {
        storage.removeItem(ACCESS);
        storage.removeItem(REFRESH);
        return;
      }
      storage.setItem(ACCESS, tokens.access_token);
      storage.setItem(REFRESH, tokens.refresh_token);
    },
  };
}
