// The SDK's methods: sso.a.b is the operation that the table names a.b. An entry is the operation's method and path, and marks:
//
//   public …   nobody needs to be signed in: no token is sent, and a 401 is about what was sent, not about the session
//   url …      nothing is called: the method answers the address, for an <img> or a link
//   … {}       takes a JSON body
//   … form     takes a form
//   …?         takes query parameters
//
// Arguments are the path's parameters in their order, the body, the query, and what is said of the call (CallOptions). Their types come from the
// OpenAPI document by method and path; test/table.test.mjs holds the table against it both ways, and says which line to add.

import { organizations } from './table/organizations.js';
import { auth, hosts, invitations, privacy, user } from './table/people.js';
import { platform } from './table/platform.js';
import { analytics, serviceApi, services } from './table/services.js';

export const table = { auth, user, organizations, invitations, services, serviceApi, analytics, privacy, hosts, platform } as const;

/** An entry, read. */
export interface Entry {
  readonly open: boolean;
  readonly asUrl: boolean;
  readonly method: string;
  readonly path: string;
  readonly body: 'json' | 'form' | undefined;
  readonly query: boolean;
}

const SHAPE = /^(public |url )?([A-Z]+) (\S+?)( \{\}| form)?(\?)?$/;

export function read(entry: string): Entry {
  const [, mark, method, path, body, query] = SHAPE.exec(entry) ?? [];
  if (!method || !path) throw new TypeError(`no entry of the table: ${entry}`);
  const kind = body === ' {}' ? 'json' : body && 'form';
  return { open: mark === 'public ', asUrl: mark === 'url ', method, path, body: kind || undefined, query: !!query };
}
