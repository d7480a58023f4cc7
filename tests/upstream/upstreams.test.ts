import { defaultChoice, type UpstreamChoice, type UpstreamKind } from '../../src/chat/model/character';
import { parseChatSettings } from '../../src/chat/settings';
import { createUpstreams } from '../../src/upstream/upstreams';
import { startOpenAiEmulator, faults } from '../openai-emulator';
import { askDify as ask } from '../chat/support/dify';
import { thrown } from '../chat/support/collect';
import { createMemoryLoginAttempts } from '../chat/support/memory-login-attempts';
import { createMemoryKeys } from '../chat/support/one-upstream';
import { ChatError } from '../../src/chat/errors';

const appId = '13f717a8-aba2-4155-b139-817ca700651f';
const dify = { DIFY_API_URL: 'http://127.0.0.1:9/v1', DIFY_API_KEY: 'app-default' };
const account = {
  DIFY_CONSOLE_URL: 'http://127.0.0.1:9',
  DIFY_CONSOLE_EMAIL: 'ann@example.org',
  DIFY_CONSOLE_PASSWORD: 'secret',
};
const openai = { OPENAI_BASE_URL: 'http://127.0.0.1:9/v1', OPENAI_MODEL: 'tiny' };
const all = { ...dify, ...account, ...openai };

/** A key `k` for `dify` is sealed as `sealed:k`, and one for `openai` as `sealed-openai:k`. */
function create(variables: Readonly<Record<string, string>> = all) {
  const keys = createMemoryKeys();
  const unsealed: string[] = [];
  const upstreams = createUpstreams({
    settings: parseChatSettings(variables),
    keys,
    logins: createMemoryLoginAttempts(),
    unseal(sealed) {
      unsealed.push(sealed);
      const [, kind = 'dify', key] = /^sealed(?:-(openai))?:(.*)$/u.exec(sealed) ?? [];
      return key === undefined ? null : { kind: kind as UpstreamKind, key };
    },
    warn: () => undefined,
  });
  const choose = (changes: Partial<UpstreamChoice>) => upstreams.choose({ ...defaultChoice, ...changes });
  return { upstreams, keys, unsealed, choose };
}

async function remedyOf(choosing: Promise<unknown>): Promise<unknown> {
  const error = (await thrown(() => choosing)) as ChatError;
  expect([error instanceof ChatError, error.code]).toEqual([true, 'upstream-misconfigured']);
  return (error.cause as { remedy: string }).remedy;
}

describe('createUpstreams', () => {
  it('chooses the upstream of the settings for a character that chooses nothing', async () => {
    expect((await create().choose({})).id).toBe('dify');
    const other = create({ ...openai, CHAT_UPSTREAM: 'openai' });
    expect(await other.choose({})).toMatchObject({ id: 'openai', model: 'tiny' });
  });

  it.each([
    [{ kind: 'dify' }, 'dify'],
    [{ kind: 'dify-console', appId }, `dify-console:${appId}`],
    [{ kind: 'openai' }, 'openai'],
    [{ kind: 'dify-console', appId: appId.toUpperCase() }, `dify-console:${appId}`],
    [{ kind: 'dify', appId: 'shop' }, 'dify'],
    [{ kind: 'dify', sealedKey: 'sealed:app-own', appId: 'shop', characterId: 'ada' }, 'dify:ada/shop'],
  ] as const)('names the upstream of %j', async (choice, id) => {
    const { choose, upstreams } = create();
    const { upstream } = await choose(choice);
    expect((await choose(choice)).id).toBe(id);
    expect(await upstreams.find(id)).toBe(upstream);
  });

  it('asks an OpenAI-compatible server within its own timeouts, not those of Dify', async () => {
    const server = await startOpenAiEmulator({ models: null });
    const timeouts = { DIFY_FIRST_BYTE_TIMEOUT_SECONDS: '60', DIFY_IDLE_TIMEOUT_SECONDS: '45' };
    const silent = { OPENAI_FIRST_BYTE_TIMEOUT_SECONDS: '0.05', OPENAI_IDLE_TIMEOUT_SECONDS: '0.05' };
    const own = { OPENAI_BASE_URL: server.url, OPENAI_API_KEY: server.apiKey };
    const settings = { ...all, ...timeouts, ...silent, ...own };
    const { upstream } = await create(settings).choose({ kind: 'openai' });
    server.next(({ closed }) => closed);
    expect((await ask(upstream)).error).toMatchObject({ code: 'upstream-timeout' });
    server.next(faults.stall(2));
    expect((await ask(upstream)).error).toMatchObject({ code: 'upstream-interrupted' });
    await server.close();
  });

  it('tells apps apart by a digest of their keys, which does not contain them', async () => {
    const { choose } = create();
    const ids = await Promise.all(
      ['app-first', 'app-second', 'app-first'].map(
        async (key) => (await choose({ sealedKey: `sealed:${key}` })).id,
      ),
    );
    expect(ids[0]).toMatch(/^dify:key-[0-9a-f]{16}$/u);
    expect([ids[0] === ids[1], ids[0] === ids[2]]).toEqual([false, true]);
  });

  it('keeps the id of a named app when its key is replaced, and asks with the new key', async () => {
    const { choose, upstreams } = create();
    const before = await choose({ sealedKey: 'sealed:app-old', appId: 'shop', characterId: 'ada' });
    const after = await choose({ sealedKey: 'sealed:app-new', appId: 'shop', characterId: 'ada' });
    expect(after.id).toBe(before.id);
    expect(after.upstream).not.toBe(before.upstream);
    expect(await upstreams.find(after.id)).toBe(after.upstream);
  });

  it('finds a named app by the key that its published character has now, before anyone asks with it', async () => {
    const { choose, keys, upstreams } = create();
    const shop = { appId: 'shop/north', characterId: 'ada' };
    const { id, upstream } = await choose({ ...shop, sealedKey: 'sealed:app-old' });
    keys.published.set('ada/shop/north', 'sealed:app-new');
    const found = await upstreams.find(id);
    expect(found).not.toBe(upstream);
    expect(found).toBe((await choose({ ...shop, sealedKey: 'sealed:app-new' })).upstream);
  });

  it('does not share the key of a named app with another character that enters the same name', async () => {
    const { choose, upstreams } = create();
    const adas = await choose({ sealedKey: 'sealed:app-new', appId: 'shop', characterId: 'ada' });
    const eves = await choose({ sealedKey: 'sealed:app-old', appId: 'shop', characterId: 'eve' });
    expect(await upstreams.find(adas.id)).toBe(adas.upstream);
    expect(await upstreams.find(eves.id)).toBe(eves.upstream);
    expect(adas.upstream).not.toBe(eves.upstream);
  });

  it('asks with the first key of a named app again after an editor has returned to it', async () => {
    const { choose, upstreams } = create();
    const shop = { appId: 'shop', characterId: 'ada' };
    const { id, upstream } = await choose({ ...shop, sealedKey: 'sealed:app-old' });
    await choose({ ...shop, sealedKey: 'sealed:app-new' });
    await choose({ ...shop, sealedKey: 'sealed:app-old' });
    expect(await upstreams.find(id)).toBe(upstream);
  });

  it('has ids that fit into their column for the longest name of an app', async () => {
    const named = { sealedKey: 'sealed:app-own', appId: 'a'.repeat(200), characterId: 'c'.repeat(24) };
    expect((await create().choose(named)).id.length).toBeLessThanOrEqual(255);
  });

  it("names the default app of Dify's console as a character that chooses it does", async () => {
    const { choose, upstreams } = create({ ...all, DIFY_CONSOLE_APP_ID: appId.toUpperCase() });
    const byDefault = await choose({ kind: 'dify-console' });
    expect(byDefault.id).toBe(`dify-console:${appId}`);
    expect(await choose({ kind: 'dify-console', appId })).toEqual(byDefault);
    expect(await create().upstreams.find(byDefault.id)).not.toBeNull();
    const groups = [null, appId].map(
      (id) => upstreams.identify({ ...defaultChoice, kind: 'dify-console', appId: id }).group,
    );
    expect(groups[0]).toBe(groups[1]);
  });

  it('never sends a key to another kind of upstream than the one it was entered for', async () => {
    const { choose, keys, upstreams } = create({ ...all, CHAT_UPSTREAM: 'openai' });
    const remedy =
      "The character's API key was entered for dify, but openai answers for the character. " +
      'Type the key for openai into the character, or empty the field.';
    expect(await remedyOf(choose({ kind: 'openai', sealedKey: 'sealed:app-own' }))).toBe(remedy);
    expect(await remedyOf(choose({ sealedKey: 'sealed:app-own' }))).toBe(remedy);
    expect((await choose({ sealedKey: 'sealed-openai:sk-own' })).id).toMatch(/^openai:key-/u);
    await keys.save('openai:key-0123456789abcdef', 'sealed:app-own');
    expect(await upstreams.find('openai:key-0123456789abcdef')).toBeNull();
  });

  it('groups characters that name the same key differently, and shows the name', () => {
    const { upstreams } = create();
    const choice = { ...defaultChoice, sealedKey: 'sealed:app-own', characterId: 'ada' };
    const [first, second] = [null, 'shop'].map((id) => upstreams.identify({ ...choice, appId: id }));
    expect(second?.group).toBe(first?.group);
    expect([first?.name, second?.name]).toEqual([
      expect.stringMatching(/^dify:key-[0-9a-f]{16}$/u),
      'dify:shop',
    ]);
  });

  it('finds the app of an earlier turn after its character has changed, also in another process', async () => {
    const { choose, keys, upstreams } = create();
    const { id, upstream } = await choose({ sealedKey: 'sealed:app-own' });
    await choose({});
    expect(await upstreams.find(id)).toBe(upstream);
    expect([...keys.saved]).toEqual([[id, 'sealed:app-own']]);
  });

  it('takes a turn without a saved upstream for one of the default app', async () => {
    const { choose, upstreams } = create();
    expect(await upstreams.find(null)).toBe((await choose({})).upstream);
  });

  it('finds none whose key is unknown, cannot be decrypted, or whose settings are gone', async () => {
    const { keys, upstreams } = create();
    expect(await upstreams.find('dify:unknown')).toBeNull();
    await keys.save('dify:imported', 'sealed elsewhere');
    expect(await upstreams.find('dify:imported')).toBeNull();
    expect(await create(dify).upstreams.find('openai')).toBeNull();
    expect(await create(dify).upstreams.find(`dify-console:${appId}`)).toBeNull();
  });

  it('decrypts and saves the key of a character once', async () => {
    const { choose, keys, unsealed } = create();
    let saves = 0;
    const save = keys.save.bind(keys);
    Object.assign(keys, { save: (id: string, key: string) => ((saves += 1), save(id, key)) });
    await choose({ sealedKey: 'sealed:app-own' });
    await choose({ sealedKey: 'sealed:app-own' });
    expect([unsealed, saves]).toEqual([['sealed:app-own'], 1]);
  });

  it('says what to set if an upstream is not set up', async () => {
    const { choose } = create(dify);
    expect(await remedyOf(choose({ kind: 'openai' }))).toContain('Set OPENAI_BASE_URL.');
    expect(await remedyOf(choose({ kind: 'dify-console', appId }))).toContain('Set DIFY_CONSOLE_URL.');
    const withoutApp = create(all);
    expect(await remedyOf(withoutApp.choose({ kind: 'dify-console' }))).toContain('DIFY_CONSOLE_APP_ID');
    const withoutModel = create({ ...dify, OPENAI_BASE_URL: openai.OPENAI_BASE_URL });
    expect(await remedyOf(withoutModel.choose({ kind: 'openai' }))).toContain('OPENAI_MODEL');
    const withoutKey = create({ ...openai, CHAT_UPSTREAM: 'openai', DIFY_API_URL: dify.DIFY_API_URL });
    expect(await remedyOf(withoutKey.choose({ kind: 'dify' }))).toContain('DIFY_API_KEY');
  });

  it('says that a key must be typed again if it cannot be decrypted', async () => {
    const { choose, upstreams } = create();
    expect(await remedyOf(choose({ sealedKey: 'sealed elsewhere' }))).toContain('Type the key');
    expect(await upstreams.findProblem({ ...defaultChoice, sealedKey: 'sealed elsewhere' })).toMatchObject({
      code: 'key-missing',
    });
  });

  it("ignores the key of a character for Dify's console, whose account is a setting", async () => {
    const { choose, keys } = create();
    const choice = { kind: 'dify-console', appId, sealedKey: 'sealed elsewhere' } as const;
    expect((await choose(choice)).id).toBe(`dify-console:${appId}`);
    expect(keys.saved.size).toBe(0);
  });
});
