import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';

import { holdsWithin } from '../support/until';
import { password, type CharacterIds } from '../support/admin';
import { startApp, type App } from '../support/app';
import { createClient, type Client } from '../support/client';
import { runStrapi } from '../support/strapi-command';

/** Each Strapi command takes some ten seconds. */
jest.setTimeout(300_000);

const wholeList = '/api/chat-conversations/my-list?pageSize=100&sort=id:asc';

interface Line {
  readonly message_id: string;
  readonly ai_character: CharacterIds | null;
}

/** Stops the application, runs a Strapi command and starts the application again. */
async function runAlone(app: App, ...args: string[]): Promise<void> {
  await app.signal('SIGTERM');
  const { code, output } = await runStrapi(app, args, { env: { PORT: '0' } });
  expect([code, output]).toEqual([0, output]);
  await app.restart();
}

async function logIn(app: App, identifier: string): Promise<Client> {
  const { body } = await app.anonymous.post('/api/auth/local', { identifier, password });
  return createClient(app.url, body.jwt, body.user);
}

const rowIdsOf = (app: App): Promise<number[]> => app.db('ai_characters').orderBy('id').pluck('id');

/** Returns the characters that a user sees, by `message_id`. An import numbers the rows in another order. */
async function shownTo(user: Client): Promise<Readonly<Record<string, CharacterIds | undefined>>> {
  const lines = (await user.get(wholeList)).body.data as Line[];
  return Object.fromEntries(
    lines.map(({ message_id, ai_character: character }) => [
      message_id,
      character === null ? undefined : { id: character.id, documentId: character.documentId },
    ]),
  );
}

describe('an import of an export', () => {
  let folder: string;
  let file: string;
  let app: App;
  let other: App;
  let email: string;
  let editor: Client;
  let ada: CharacterIds;
  let lin: CharacterIds;
  let shown: Awaited<ReturnType<typeof shownTo>>;
  let rowIds: number[];

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'chat-export-'));
    file = path.join(folder, 'export');
    [app, other] = [await startApp(), await startApp()];
    const token = { name: 'editor', description: '', type: 'full-access', lifespan: null };
    const { body } = await app.admin.client.post('/admin/api-tokens', token);
    editor = createClient(app.url, String(body.data.accessKey));
    const user = await app.createUser();
    email = user.user.email;

    // Deleted rows leave gaps between the ids, so the import gives every row another id.
    const gone = await app.admin.createCharacter({ name: 'Gone' });
    ada = await app.admin.createCharacter({ name: 'Ada' });
    lin = await app.admin.createCharacter({ name: 'Lin' });
    await app.admin.publish(lin.documentId, { name: 'Lin', prompt: 'You are Lin.' });
    await app.admin.action(ada.documentId, 'discard');
    await app.admin.createDraft({ name: 'Draft' });
    for (const { id } of [ada, lin, gone]) await user.ask({ character_id: id, query: 'Hi' });
    const path_ = `/content-manager/collection-types/api::ai-character.ai-character/${gone.documentId}`;
    await app.admin.client.request('DELETE', path_);
    [shown, rowIds] = [await shownTo(user), await rowIdsOf(app)];
    await runAlone(app, 'export', '--no-encrypt', '--no-compress', '--file', file);
  });
  afterAll(async () => {
    await Promise.all([app.stop(), other.stop()]);
    await rm(folder, { recursive: true, force: true });
  });

  it('starts with messages of two characters and of a deleted one', () => {
    const idsOf = ({ id, documentId }: CharacterIds) => ({ id, documentId });
    expect(Object.values(shown)).toEqual([...[ada, ada, lin, lin].map(idsOf), undefined, undefined]);
  });

  it.each(['the same database', 'a new database'])(
    'into %s keeps the ids of characters and their messages',
    async (which) => {
      const installation = which === 'a new database' ? other : app;
      await runAlone(installation, 'import', '--force', '--file', `${file}.tar`);
      expect(await rowIdsOf(installation)).not.toEqual(rowIds);
      const user = await logIn(installation, email);
      expect(await shownTo(user)).toEqual(shown);
      for (const { id, documentId } of [ada, lin]) {
        const found = await user.get(`/api/ai-characters/${id}`);
        expect(found.body.data).toMatchObject({ id, documentId });
        const list = await user.myList(`?filters[ai_character]=${id}`);
        expect(list.body.meta.pagination.total).toBe(2);
        expect((await user.ask({ character_id: id, query: 'Still there?' })).status).toBe(200);
      }
    },
  );

  it('gives a new character an id above all others', async () => {
    const created = await editor.post('/api/ai-characters', {
      data: { name: 'After the import', prompt: 'Hi' },
    });
    const { id } = created.body.data;
    const others = await app.db('ai_characters').whereNot({ numeric_id: id }).pluck('numeric_id');
    expect(id).toBeGreaterThan(Math.max(...others));
  });
});

describe('an import of an earlier release’s export', () => {
  const earlier = path.resolve(__dirname, '..', 'upgrade', 'fixtures', '7a934fc');
  const fixture = JSON.parse(
    gunzipSync(readFileSync(path.join(earlier, 'sqlite', 'fixture.json.gz'))).toString(),
  ) as { observed: Record<string, Record<string, { data: Line[] }>> };
  const documentIds = (lines: readonly Line[]) =>
    lines.map(({ message_id, ai_character }) => [message_id, ai_character?.documentId ?? null] as const);

  it('gives each character one id, and keeps the character of each message', async () => {
    const app = await startApp();
    try {
      await runAlone(app, 'import', '--force', '--file', path.join(earlier, 'export.tar.gz'));
      const before = Object.values(fixture.observed).flatMap((seen) =>
        documentIds(seen[wholeList]?.data ?? []),
      );
      const rows = () =>
        app.db('chat_conversations').select('message_id', 'ai_character_document_id', 'ai_character_id');
      const isFilled = async () => (await rows()).every((row) => row.ai_character_id === null);
      expect(await holdsWithin(60_000, isFilled)).toBe(true);
      const links = new Map(
        (await rows()).map((row) => [row.message_id, row.ai_character_document_id as string | null]),
      );
      expect(before.map(([message]) => [message, links.get(message ?? '')])).toEqual(before);

      const ann = await logIn(app, 'ann');
      const lines = (await ann.get(wholeList)).body.data as Line[];
      const ofAnn = documentIds(fixture.observed['ann']?.[wholeList]?.data ?? []);
      expect(Object.fromEntries(documentIds(lines))).toEqual(Object.fromEntries(ofAnn));
      const characters = await app.db('ai_characters').distinct('document_id', 'numeric_id');
      const numbers = characters.map((row) => row.numeric_id);
      expect(numbers).not.toContain(null);
      expect(new Set(numbers).size).toBe(new Set(characters.map((row) => row.document_id)).size);
      expect(new Set(numbers).size).toBe(characters.length);
    } finally {
      await app.stop();
    }
  });
});
