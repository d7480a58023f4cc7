import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { startApp, type App } from '../support/app';
import type { Client } from '../support/client';
import { end, fileHead, filesIn, openUpload, pixel, type Upload } from '../support/multipart';
import { withoutLimits } from './support/env';
import { randomFor } from './support/random';
import { classTimeoutMs, report, scale } from './support/scale';
import { holdsWithin } from '../support/until';
import { sideBySide } from './support/side-by-side';

const kills = scale({ full: 20, smoke: 1 });
const requestsBetween = scale({ full: 300, smoke: 60 });
const width = 20;

type Sender = 'nobody' | 'a user' | 'an administrator';

type Address = readonly [method: string, path: string];

/** Paths that accept files, and some that do not. */
const addresses: readonly [Address, ...Address[]] = [
  ['POST', '/upload'],
  ['POST', '/upload/files'],
  ['POST', '/api/upload'],
  ['POST', '/admin/project-settings'],
  ['POST', '/api/chat-conversations/create-message'],
  ['POST', '/api/chat/session'],
  ['PUT', '/api/chat/session'],
  ['POST', '/admin/login'],
  ['POST', '/no-such-path'],
  ['DELETE', '/api/chat/me'],
  ['GET', '/_health'],
];

let app: App;
let user: Client;
let temporary: string;

beforeAll(async () => {
  temporary = await mkdtemp(path.join(tmpdir(), 'faults-uploads-'));
  app = await startApp({ env: { ...withoutLimits, TMPDIR: temporary, UPLOAD_LIMIT: '1mb' } });
  user = await app.createUser();
});
afterAll(async () => {
  await app.stop();
  await rm(temporary, { recursive: true });
});

describe('multipart request bodies', () => {
  it(
    'leave no temporary file, whatever their path and however they end',
    async () => {
      const random = randomFor('uploads');
      const statuses = new Map<number | null, number>();
      let left = 0;
      let mostBytes = 0;

      async function send(): Promise<void> {
        const [method, pathname] = random.pick(addresses);
        const sender = random.pick<Sender>(['nobody', 'a user', 'an administrator']);
        const leavesAfter = random.chance(0.4) ? random.between(0, 8) : Infinity;
        const content = random.chance(0.2) ? pixel : Buffer.alloc(random.between(0, 1_300_000), 1);
        const request = openUpload(app.url, method, pathname, headersOf(sender));
        const isWhole = await sendPieces(request, content, leavesAfter);
        if (!isWhole) {
          left += 1;
          request.destroy();
        }
        const status = (await request.reply)?.status ?? null;
        request.destroy();
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
        mostBytes = Math.max(mostBytes, (await filesIn(temporary)).bytes);
      }

      for (let kill = 0; kill < kills; kill += 1) {
        let sent = 0;
        const killAfter = random.between(10, requestsBetween - 1);
        let killing: Promise<void> | undefined;
        await sideBySide({ count: requestsBetween, width }, async () => {
          sent += 1;
          if (sent === killAfter) killing = app.killAndRestart();
          await killing;
          await send();
        });
        await killing;
      }
      await sideBySide({ count: requestsBetween, width }, send);

      await holdsWithin(10_000, async () => (await filesIn(temporary)).count === 0);
      const { count, bytes } = await filesIn(temporary);
      report('uploads', {
        requests: requestsBetween * (kills + 1),
        'aborted requests': left,
        kills,
        'replies with 415': statuses.get(415) ?? 0,
        'replies with 413': statuses.get(413) ?? 0,
        'replies with 401 or 403': (statuses.get(401) ?? 0) + (statuses.get(403) ?? 0),
        accepted: (statuses.get(201) ?? 0) + (statuses.get(200) ?? 0),
        'kB in the folder at most': Math.round(mostBytes / 1024),
        'files left': count,
        'bytes left': bytes,
      });
      expect({ count, bytes }).toEqual({ count: 0, bytes: 0 });
      expect(statuses.get(415)).toBeGreaterThan(0);
      expect(statuses.get(500) ?? 0).toBe(0);
    },
    classTimeoutMs,
  );
});

function headersOf(sender: Sender): Record<string, string> {
  if (sender === 'nobody') return {};
  const { token } = sender === 'a user' ? user : app.admin.client;
  return { Authorization: `Bearer ${token}` };
}

/** @returns whether it sent all pieces. */
async function sendPieces(request: Upload, content: Buffer, pieces: number): Promise<boolean> {
  const size = 200_000;
  let sent = 0;
  const send = async (bytes: Buffer | string) => {
    if (sent >= pieces) return false;
    sent += 1;
    await request.write(bytes);
    return true;
  };
  if (!(await send(fileHead()))) return false;
  for (let at = 0; at < content.length; at += size) {
    if (!(await send(content.subarray(at, at + size)))) return false;
  }
  if (!(await send(end))) return false;
  request.end();
  return true;
}
