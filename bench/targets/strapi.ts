import { z } from 'zod';

import { createAdmin } from '../../tests/support/admin';
import { createClient } from '../../tests/support/client';
import type { BenchDatabase } from '../support/database';
import { collectGarbage } from '../support/garbage';
import { toQuery, type Plan } from '../upstream/plan';
import {
  isOurs,
  startStrapi,
  type Application,
  type StrapiOptions,
  type StrapiProcess,
} from './strapi-process';
import { toRequest, type Target } from './target';

export interface User {
  readonly id: number;
  readonly token: string;
}

/** A Strapi with accounts and a character, ready for questions. */
export interface StrapiTarget extends Target {
  readonly application: Application;
  readonly database: BenchDatabase;
  readonly users: readonly User[];
  readonly character: string;
  url(): string;
}

export interface StrapiTargetOptions extends StrapiOptions {
  readonly name: string;
  readonly users: number;
}

const does = {
  before: 'the same, in the other revision',
  ours: 'login, ownership, limits, committed rows, resumable stream',
  stock: 'login, rows',
  vanilla: 'nothing',
} as const;

export async function createStrapiTarget(options: StrapiTargetOptions): Promise<StrapiTarget> {
  const { name, application, database } = options;
  let running = await startStrapi(options);
  const users = await registerUsers(running, options);
  const character = isOurs(application)
    ? await createCharacter(running)
    : await findCharacter(running, users);
  const toTurn = (query: string, token: string) => toTurnRequest({ application, character, query, token });
  return {
    name,
    does: does[application],
    application,
    database,
    users,
    character,
    url: () => running.url,
    port: () => running.port,
    pids: () => [running.pid],
    requests: (plan: Plan) => users.map(({ token }) => toTurn(toQuery(plan), token)),
    collectGarbage: () => collectGarbage(running),
    async restart() {
      await running.stop();
      running = await startStrapi(options);
    },
    stop: () => running.stop(),
  };
}

const registrationSchema = z.object({ jwt: z.string(), user: z.object({ id: z.number() }) });
const charactersSchema = z.object({ data: z.array(z.object({ documentId: z.string() })) });

async function registerUsers({ url }: StrapiProcess, { users }: StrapiTargetOptions): Promise<User[]> {
  const registered: User[] = [];
  for (let index = 0; index < users; index += 1) {
    const username = `bench${index}`;
    const account = { username, email: `${username}@example.com`, password: 'Passw0rd-of-bench' };
    const { text } = await createClient(url).post('/api/auth/local/register', account);
    const { jwt, user } = registrationSchema.parse(JSON.parse(text));
    registered.push({ id: user.id, token: jwt });
  }
  return registered;
}

async function createCharacter({ url }: StrapiProcess): Promise<string> {
  const admin = await createAdmin(url);
  return (await admin.createCharacter()).documentId;
}

async function findCharacter({ url }: StrapiProcess, [user]: readonly User[]): Promise<string> {
  const { text } = await createClient(url, user?.token).get('/api/characters');
  const [character] = charactersSchema.parse(JSON.parse(text)).data;
  if (character === undefined) throw new Error('The application has no character.');
  return character.documentId;
}

interface Question {
  readonly application: Application;
  readonly character: string;
  readonly query: string;
  readonly token: string;
}

function toTurnRequest({ application, character, query, token }: Question): string {
  return toRequest({
    path: isOurs(application) ? '/api/chat-conversations/create-message' : '/api/messages/ask',
    headers: { Authorization: `Bearer ${token}`, Accept: 'text/event-stream' },
    body: { data: { character_id: character, query } },
  });
}
