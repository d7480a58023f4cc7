import type { AppSpec } from '../../dify-emulator/apps';
import { createDifyEmulator, type DifyEmulator } from '../../dify-emulator';
import { difyClient, difySettings } from '../../chat/support/dify';
import { thrown } from '../../chat/support/collect';
import { answering } from '../support/raw-upstream';

let dify: DifyEmulator | undefined;

afterEach(() => dify?.close());

async function problemOf(form: AppSpec['form'], promptInput = 'prompt', promptChars?: number) {
  dify = await createDifyEmulator({
    apps: [{ key: 'app-checked', mode: 'chat', ...(form && { form }) }],
  }).listen();
  return difyClient(difySettings(dify, { promptInput })).findProblem({ promptChars });
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

  it.each([
    [48, null],
    [49, 'prompt-variable-short'],
  ])('compares the maximum with a longest prompt of %d characters: %j', async (promptChars, code) => {
    const form = [{ type: 'text-input', variable: 'prompt', maxLength: 48 }] as const;
    const problem = await problemOf(form, 'prompt', promptChars);
    expect(problem?.code ?? null).toBe(code);
    if (code !== null) expect(problem?.message).toContain('to at least 49.');
  });

  it.each(['completion', 'workflow'] as const)('reports the key of a %s app', async (mode) => {
    dify = await createDifyEmulator({ apps: [{ key: 'app-checked', mode }] }).listen();
    expect(await difyClient(difySettings(dify)).findProblem()).toMatchObject({ code: 'app-mode-wrong' });
  });

  it('reports a key that Dify refuses, without showing it', async () => {
    dify = await createDifyEmulator().listen();
    const problem = await difyClient(difySettings(dify, { apiKey: 'app-wrong' })).findProblem();
    expect(problem?.code).toBe('key-refused');
    expect(problem?.message).not.toContain('app-wrong');
  });

  it('reports an app whose API is switched off', async () => {
    dify = await createDifyEmulator({
      apps: [{ key: 'app-checked', mode: 'chat', apiEnabled: false }],
    }).listen();
    expect(await difyClient(difySettings(dify)).findProblem()).toMatchObject({ code: 'api-off' });
  });

  it.each([
    [200, 'upstream-malformed'],
    [502, 'upstream-failed'],
  ])('fails if a proxy answers %d with a page', async (status, code) => {
    const proxy = await answering(status, '<html>Sign in</html>', 'text/html');
    expect(await thrown(difyClient(difySettings(proxy)).findProblem())).toMatchObject({ code });
    await proxy.close();
  });
});
