import { defaultChoice, type UpstreamChoice } from '../../src/chat/model/character';
import { createUpstreams } from '../../src/upstream/upstreams';
import { describeCharacters, groupByUpstream } from '../../src/upstream/uses';
import { createMemoryLoginAttempts } from '../chat/support/memory-login-attempts';
import { createMemoryKeys } from '../chat/support/one-upstream';
import { parseChatSettings } from '../../src/chat/settings';

const upstreams = createUpstreams({
  settings: parseChatSettings({ DIFY_API_URL: 'http://127.0.0.1:9/v1', DIFY_API_KEY: 'app-default' }),
  keys: createMemoryKeys(),
  logins: createMemoryLoginAttempts(),
  // A key is encrypted differently each time.
  unseal: (sealed) =>
    sealed.startsWith('broken') ? null : { kind: 'dify', key: sealed.split(' ')[1] ?? '' },
  warn: () => undefined,
});

async function* published(...choices: readonly Partial<UpstreamChoice>[]) {
  yield choices.map((choice, index) => ({
    name: `C${index}`,
    promptChars: index,
    upstream: { ...defaultChoice, ...choice },
  }));
}

const key = (sealedKey: string, appId: string | null = null) => ({ kind: 'dify', sealedKey, appId }) as const;

describe('groupByUpstream', () => {
  it('returns the default upstream first, also without characters', async () => {
    const [first, ...others] = await groupByUpstream(upstreams, published());
    expect(first).toMatchObject({ name: 'dify', isDefault: true, promptChars: undefined, characters: [] });
    expect(others).toEqual([]);
  });

  it('groups by the key itself, even if it is encrypted twice or its app is named', async () => {
    const uses = await groupByUpstream(
      upstreams,
      published(key('1 app-a'), key('2 app-a'), key('3 app-a', 'named'), key('4 app-b', 'named'), {}),
    );
    expect(uses.map(({ characters }) => characters)).toEqual([['C4'], ['C0', 'C1', 'C2'], ['C3']]);
    expect(uses.map(({ promptChars }) => promptChars)).toEqual([4, 2, 3]);
    expect(JSON.stringify(uses.map(({ name, group }) => [name, group]))).not.toMatch(/app-[ab]/u);
  });

  it('keeps characters apart whose key cannot be decrypted, or whose settings are missing', async () => {
    const uses = await groupByUpstream(
      upstreams,
      published({}, key('broken'), { kind: 'openai', model: 'm' }, { kind: 'openai' }),
    );
    expect(uses.map(({ name, isComplete }) => [name, isComplete])).toEqual([
      ['dify', true],
      ['dify', false],
      ['openai m', false],
      ['openai', false],
    ]);
  });
});

describe('describeCharacters', () => {
  it('names the first five characters and counts the others', async () => {
    const [use] = await groupByUpstream(upstreams, published(...Array.from({ length: 8 }, () => ({}))));
    expect(use && describeCharacters(use)).toBe('"C0", "C1", "C2", "C3", "C4" and 3 more');
  });
});
