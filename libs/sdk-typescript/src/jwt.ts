// Of an access token only its times are read, and not believed: the server decides.

/** When a token was made and when it ends, in milliseconds by the server's clock; `undefined` for what is no JWT. */
export function times(token: string): { issued: number; ends: number } | undefined {
  try {
    const payload = token.split('.')[1] ?? '';
    const { iat, exp } = JSON.parse(atob(payload.replaceAll('-', '+').replaceAll('_', '/'))) as { iat?: unknown; exp?: unknown };
    return typeof iat === 'number' && typeof exp === 'number' ? { issued: iat * 1000, ends: exp * 1000 } : undefined;
  } catch {
    return undefined;
  }
}
