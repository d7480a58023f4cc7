import type { AppSpec } from '../../dify-emulator/apps';
import { createDifyEmulator, type DifyEmulator } from '../../dify-emulator';
import { difyClient, difySettings } from '../../chat/support/dify';
import { thrown } from '../../chat/support/collect';

let dify: DifyEmulator | undefined;

afterEach(() => dify?.close());

async function problemOf(form: AppSpec['form'], promptInput = 'prompt') {
  dify = await createDifyEmulator({
    apps: [{ key: 'app-checked', mode: 'chat', ...(form && { form }) }],
  }).listen();
  return difyClient(difySettings(dify, { promptInput })).findProblem();
}

describe('findAppProblem', () => {
  it('is null for an app with a paragraph variable', async () => {
    expect(await problemOf(undefined)).toBeNull();
    await dify?.close();
    expect(
      await problemOf([{ type: 'paragraph', variable: 'persona', maxLength: 30_000 }], 'persona'),
    ).toBeNull();
  });

  it.each([
    ['declares no variable', []],
    ['declares another variable', [{ type: 'paragraph', variable: 'city' }]],
  ] as const)('names the missing variable of an app that %s', async (_what, form) => {
    expect(await problemOf(form)).toMatchObject({
      code: 'prompt-variable-missing',
      message: expect.stringMatching(/"prompt".*DIFY_PROMPT_INPUT/u),
    });
  });

  it('names the maximum of a variable that is too short for prompts', async () => {
    expect(await problemOf([{ type: 'text-input', variable: 'prompt', maxLength: 48 }])).toMatchObject({
      code: 'prompt-variable-short',
      message: expect.stringContaining('takes 48 characters'),
    });
  });

  it('fails if Dify refuses the key', async () => {
    dify = await createDifyEmulator().listen();
    const client = difyClient(difySettings(dify, { apiKey: 'app-wrong' }));
    expect(await thrown(client.findProblem())).toMatchObject({ code: 'upstream-misconfigured' });
  });
});
