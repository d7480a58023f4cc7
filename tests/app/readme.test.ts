import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

import { writeShellVariables } from '../../scripts/demo/shell-variables';
import { startApp, type App } from '../support/app';

const readme = readFileSync(path.resolve(__dirname, '../../README.md'), 'utf8');

/** Returns the shell blocks of a section, in order. */
function shellBlocks(heading: string): string[] {
  const [, section = ''] = readme.split(`\n## ${heading}\n`);
  const [body = ''] = section.split('\n## ');
  return [...body.matchAll(/^```sh\n(.*?)^```$/gmsu)].map(([, block = '']) => block);
}

let app: App;
let folder: string;

beforeAll(async () => {
  app = await startApp();
  folder = mkdtempSync(path.join(tmpdir(), 'chat-readme-'));
});
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await app.stop();
});

describe('"Your first call in five minutes" of the README', () => {
  it('works as printed, with the variables that the demo writes', async () => {
    const { documentId } = await app.admin.createCharacter();
    const { token } = await app.createUser();
    mkdirSync(path.join(folder, '.tmp'));
    const variables = { url: app.url, jwt: token ?? '', characterId: documentId };
    writeShellVariables(path.join(folder, '.tmp', 'demo.env'), variables);

    const [source = '', ...calls] = shellBlocks('Your first call in five minutes');
    expect(calls).toHaveLength(3);
    const replies: string[] = [];
    for (const call of calls) {
      const script = `set -eu\n${source}\n${call.replaceAll('curl ', 'curl --silent --show-error --fail ')}`;
      const { stdout } = await promisify(execFile)('bash', ['-c', script], { cwd: folder });
      replies.push(stdout);
    }

    const [characters = '', stream = '', list = ''] = replies;
    expect(JSON.parse(characters)).toMatchObject({ data: [{ documentId }] });
    const events = [...stream.matchAll(/^data: (.*)$/gmu)].map(
      ([, data = '']) => (JSON.parse(data) as { event: string }).event,
    );
    expect([events[0], events[1], events.at(-1)]).toEqual(['turn_started', 'message', 'message_end']);
    const { data } = JSON.parse(list) as { data: readonly { role: string }[] };
    expect(data.map(({ role }) => role).sort()).toEqual(['assistant', 'user']);
  });
});
