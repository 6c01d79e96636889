// Our SDK in Node, at a real server.

import { task } from './start.mjs';
import { Api } from './people.mjs';
import { walk } from './sdk_walk.mjs';

const api = new Api(task.base, task.mails);
await walk({ base: task.base, name: 'nina', mailed: async (email) => (await api.mailedLink(email, 'verify-email')).searchParams.get('token') });
console.log(JSON.stringify({ node: process.version }));
