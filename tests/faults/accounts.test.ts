import { password } from '../support/admin';
import { startApp, type App } from '../support/app';
import { createClient, type Client } from '../support/client';
import { database } from '../support/database';
import { randomFor, type Random } from './support/random';
import { classTimeoutMs, report, scale } from './support/scale';
import { sideBySide } from './support/side-by-side';

/** Number of names. Several requests want each name at the same time. */
const count = scale({ full: 600, smoke: 12 });

type Account = { readonly username: string; readonly email: string };
/** Creates an account in one way. @returns the status of the reply. */
type Way = (account: Account) => Promise<number>;

/** Different spellings of one name. */
const spellings: readonly [(name: string) => string, ...((name: string) => string)[]] = [
  (name) => name,
  (name) => name.toUpperCase(),
  (name) => name.normalize('NFD'),
  (name) => ` ${name}  `,
  (name) => name.replace('é', '\u200be\u0301'),
];

describe('accounts with one name, created at the same time', () => {
  let app: App;
  let ways: readonly [Way, ...Way[]];

  beforeAll(async () => {
    app = await startApp();
    // Only one process can use a SQLite database.
    const urls = database === 'postgres' ? [app.url, await app.startAnother()] : [app.url];
    const { id: roleId } = await app.db('up_roles').where({ type: 'authenticated' }).first('id');
    const token = await app.admin.client.post('/admin/api-tokens', {
      name: 'accounts',
      type: 'full-access',
      lifespan: null,
    });
    const panel = '/content-manager/collection-types/plugin::users-permissions.user';
    const role = { connect: [{ id: roleId }] };
    const [first, ...others] = urls.flatMap((url): Way[] => {
      const byToken: Client = createClient(url, token.body.data.accessKey);
      const inPanel: Client = createClient(url, app.admin.client.token);
      const anonymous = createClient(url);
      return [
        async (account) =>
          (await anonymous.post('/api/auth/local/register', { ...account, password })).status,
        async (account) => (await byToken.post('/api/users', { ...account, password, role: roleId })).status,
        async (account) =>
          (await inPanel.post(panel, { ...account, password, confirmed: true, blocked: false, role })).status,
      ];
    });
    if (first === undefined) throw new Error('No way to create an account exists.');
    ways = [first, ...others];
  });
  afterAll(() => app.stop());

  it(
    'become one account, and all other requests get 400',
    async () => {
      const statuses = new Map<number, number>();
      let attempts = 0;
      let withoutOneWinner = 0;

      await sideBySide({ count, width: 4 }, async (index) => {
        const random = randomFor('accounts', index);
        const rivals = random.between(2, 5);
        const made = await Promise.all(
          Array.from({ length: rivals }, (_, rival) => random.pick(ways)(accountOf(random, index, rival))),
        );
        attempts += rivals;
        for (const status of made) statuses.set(status, (statuses.get(status) ?? 0) + 1);
        if (made.filter((status) => status === 200 || status === 201).length !== 1) withoutOneWinner += 1;
      });

      const rows: Account[] = await app.db('up_users').select('username', 'email');
      const doubles =
        countDoubles(rows.map(({ username }) => username)) + countDoubles(rows.map(({ email }) => email));
      const others = [...statuses].filter(([status]) => ![200, 201, 400].includes(status));
      const figures = {
        names: count,
        requests: attempts,
        accounts: rows.length,
        'double accounts': doubles,
        'names without exactly one winner': withoutOneWinner,
        'replies that are neither success nor 400': others.reduce((sum, [, number]) => sum + number, 0),
      };
      report('accounts of one name', figures);
      expect({ doubles, withoutOneWinner, others, accounts: rows.length }).toEqual({
        doubles: 0,
        withoutOneWinner: 0,
        others: [],
        accounts: count,
      });
    },
    classTimeoutMs,
  );
});

/** Half of the names are usernames in different spellings. The other half are emails that differ by case. */
function accountOf(random: Random, index: number, rival: number): Account {
  if (index % 2 === 0) {
    return {
      username: random.pick(spellings)(`rivalé${index}`),
      email: `rival-${index}-${rival}@example.com`,
    };
  }
  const email = `mail-${index}@example.com`;
  return { username: `mail-${index}-${rival}`, email: random.chance(0.5) ? email : email.toUpperCase() };
}

/** Counts duplicates by a simpler rule than the tested one. It covers all differences between these spellings. */
function countDoubles(names: readonly string[]): number {
  const plain = names.map((name) => name.replaceAll('\u200b', '').normalize('NFC').toLowerCase().trim());
  return plain.length - new Set(plain).size;
}
