// What an application's compiler sees: this is compiled, never run.

import { createSso, localStorageStore, needsMfa, type Schemas, SsoError, type Sso } from '../dist/index.js';

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const holds = <_ extends true>(): void => undefined;

export async function application(): Promise<void> {
  const sso: Sso = createSso({ baseUrl: 'https://sso.example.com', store: localStorageStore(), onSessionEnd: () => undefined });

  const tokens = await sso.auth.login({ email: 'ann@example.com', password: 'a long sentence' });
  holds<Same<typeof tokens, Schemas['TokenResponse']>>();
  if (needsMfa(tokens)) await sso.auth.verifyMfa(tokens.access_token, '123456');

  const selected = await sso.organizations.select('acme', { idempotencyKey: 'key' });
  holds<Same<typeof selected, Schemas['SelectedResponse']>>();
  const listed = await sso.organizations.list({ page: 1, status: null }, { signal: new AbortController().signal });
  holds<Same<(typeof listed)[number]['organization']['slug'], string>>();
  const members = await sso.organizations.members.list('acme');
  holds<Same<typeof members.total, number>>();
  const invitation = await sso.organizations.members.add('acme', { email: 'bea@example.com', role: 'member' });
  holds<Same<typeof invitation.id, string>>();
  const nothing = await sso.organizations.members.remove('acme', 'usr_1');
  holds<Same<typeof nothing, void>>();
  const none = await sso.organizations.siem.delete('acme', 'siem_1');
  holds<Same<typeof none, void>>();
  const csv = await sso.organizations.auditLogs.export('acme', { format: 'csv' });
  holds<Same<typeof csv, string>>();
  const logo = sso.organizations.getLogo('acme');
  holds<Same<typeof logo, string>>();
  await sso.organizations.update('acme', { name: 'Acme' }, { ifMatch: '"3"' });
  await sso.auth.revoke({ token: 'rt_1' });
  await sso.session.set(selected);
  const answer: Response = await sso.fetch('/api/user');
  if (answer.ok) throw new SsoError('', { status: 0, errorCode: '', code: '' });

  // @ts-expect-error: an argument is missing
  await sso.organizations.members.remove('acme');
  // @ts-expect-error: no such field
  await sso.organizations.create({ slug: 'acme', name: 'Acme', colour: 'red' });
  // @ts-expect-error: a field is missing
  await sso.organizations.create({ slug: 'acme' });
  // @ts-expect-error: no such query parameter
  await sso.organizations.list({ pages: 1 });
  // @ts-expect-error: this operation takes no key, so it would not be safe to repeat
  await sso.organizations.members.remove('acme', 'usr_1', { idempotencyKey: 'key' });
  // @ts-expect-error: no such operation
  await sso.organizations.rename('acme');
}
