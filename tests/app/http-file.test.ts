/** The requests of `test-create-message.http`, each run as an editor runs it, in their order. */
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';

import { startApp, type App } from '../support/app';
import type { Reply } from '../support/client';

let app: App;

beforeAll(async () => {
  app = await startApp();
  await app.admin.createCharacter({ name: 'Ada', prompt: 'You are Ada.' });
});
afterAll(() => app.stop());

const file = readFileSync(path.join(__dirname, '../../test-create-message.http'), 'utf8');

interface Block {
  readonly title: string;
  readonly statuses: readonly number[];
  readonly name: string | undefined;
  readonly method: string;
  readonly url: string;
  readonly headers: readonly string[];
  readonly body: string;
}

/** Returns the blocks with a request, with their variables in place. */
const blocks: readonly Block[] = file
  .split(/^### /mu)
  .slice(1)
  .map((text) => {
    const [title = '', ...lines] = text.split('\n');
    const isComment = (line: string) => line.startsWith('#');
    const [comments, rest] = [lines.filter(isComment), lines.filter((line) => !isComment(line)).join('\n')];
    const [head = '', ...bodies] = rest.split(/\n[ \t]*\n/u);
    const [, method = '', url = ''] = /^\s*([A-Z]+) (\S+(?:\n\s+[?&]\S+)*)/u.exec(head) ?? [];
    const statuses = comments.flatMap((line) => /^# → (.*)$/u.exec(line)?.[1]?.split(', ').map(Number) ?? []);
    const name = comments.flatMap((line) => /^# @name (\w+)$/u.exec(line)?.[1] ?? [])[0];
    const headers = head.split('\n').filter((line) => /^[\w-]+: /u.test(line));
    return {
      title,
      statuses,
      name,
      method,
      url: url.replace(/\s+/gu, ''),
      headers,
      body: bodies.join('\n\n').trim(),
    };
  })
  .filter(({ method }) => method !== '');

const replies = new Map<string, Reply>();
const constants: ReadonlyMap<string, string> = new Map(
  [...file.matchAll(/^@(\w+) = (.*)$/gmu)].map(([, name = '', value = '']) => [name, value]),
);

/** Puts values in the place of `{{…}}`. */
function fill(text: string): string {
  return text.replace(/\{\{(.*?)\}\}/gu, (_all, variable: string) => {
    if (variable === 'host') return '';
    if (variable === '$guid') return randomUUID();
    const [, name = '', keys = ''] = /^(\w+)\.response\.body\.(.*)$/u.exec(variable) ?? [];
    if (name === '') return constants.get(variable) ?? `{{${variable}}}`;
    const value = keys
      .split(/[.[\]]+/u)
      .filter(Boolean)
      .reduce<unknown>(
        (one, key) => (one as Readonly<Record<string, unknown>> | null)?.[key],
        replies.get(name)?.body,
      );
    return typeof value === 'string' || typeof value === 'number' ? `${value}` : `{{${variable}}}`;
  });
}

describe('test-create-message.http', () => {
  it('has a status for each of its requests', () => {
    expect(blocks.length).toBeGreaterThan(50);
    expect(blocks.filter(({ statuses }) => statuses.length === 0).map(({ title }) => title)).toEqual([]);
  });

  it('gets the status that it names for each request', async () => {
    const others: unknown[] = [];
    for (const { title, statuses, name, method, url, headers, body } of blocks) {
      const pairs = headers.map((line) =>
        fill(line)
          .split(/: (.*)/su)
          .slice(0, 2),
      );
      const filled = { url: fill(url), body: fill(body) };
      expect([title, JSON.stringify([filled, pairs])]).not.toEqual([title, expect.stringContaining('{{')]);
      const reply = await app.anonymous.request(method, filled.url, {
        headers: Object.fromEntries(pairs) as Record<string, string>,
        ...(body !== '' && { rawBody: filled.body }),
      });
      if (name !== undefined) replies.set(name, reply);
      if (!statuses.includes(reply.status)) others.push([title, reply.status, reply.text.slice(0, 200)]);
    }
    expect(others).toEqual([]);
  }, 120_000);
});
