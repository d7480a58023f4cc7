import { ChatError } from '../../src/chat/errors';
import { defaultChoice, type UpstreamChoice } from '../../src/chat/model/character';
import type { PublishedCharacter } from '../../src/chat/ports/published-characters';
import type { UpstreamProblem } from '../../src/chat/ports/upstream';
import { createUpstreamCheck, type UpstreamCheck } from '../../src/upstream/check';
import { recordingLog } from '../chat/support/fixtures';
import { until } from '../chat/support/collect';

const missing: UpstreamProblem = { code: 'prompt-variable-missing', message: 'Add the variable.' };
const refused: UpstreamProblem = { code: 'key-refused', message: 'Set another key.' };

type Found = UpstreamProblem | Error | null;

let check: UpstreamCheck | undefined;

afterEach(() => check?.stop());

const published = (name: string, appId: string | null, promptChars = 10): PublishedCharacter => ({
  name,
  promptChars,
  upstream: { ...defaultChoice, appId },
});

const nameOf = ({ appId }: UpstreamChoice) => (appId === null ? 'dify' : `dify:${appId}`);

let versions = 0;

/** Starts a check of upstreams that give these results. */
function checking(
  find: (upstream: string, promptChars: number | undefined) => Found | Promise<Found>,
  readPage: () => readonly PublishedCharacter[] = () => [],
  /** Each reading is another one by default. */
  readVersion: () => Promise<string> = async () => `${(versions += 1)}`,
  rereadMs?: number,
) {
  const log = recordingLog();
  const asked: string[] = [];
  check = createUpstreamCheck({
    upstreams: {
      identify: (choice) => ({ kind: 'dify', name: nameOf(choice), group: nameOf(choice), isComplete: true }),
      async findProblem(choice, needs) {
        asked.push(nameOf(choice));
        const found = await find(nameOf(choice), needs?.promptChars);
        if (found instanceof Error) throw found;
        return found;
      },
    },
    async *readPublished() {
      yield readPage();
    },
    readVersion,
    log,
    recheckMs: 5,
    ...(rereadMs !== undefined && { rereadMs }),
  });
  check.start();
  return { check, log, asked };
}

/** Gives these results one after the other, and then the last one. */
const inTurn = (...results: readonly Found[]) => {
  const left = [...results];
  return () => (left.length > 1 ? left.shift() : left[0]) ?? null;
};

describe('createUpstreamCheck', () => {
  it('asks the default upstream once, and logs nothing if nothing is wrong', async () => {
    let rounds = 0;
    const { check, log, asked } = checking(
      () => null,
      () => ((rounds += 1), []),
    );
    await until(() => rounds === 3);
    expect([check.problem(), log.lines, asked]).toEqual([null, [], ['dify']]);
  });

  it('logs a problem once, until it is solved', async () => {
    const { check, log, asked } = checking(inTurn(missing, missing, null));
    await until(() => asked.length === 2);
    expect(check.problem()).toBe(missing);
    await until(() => log.lines.length === 2);
    expect([check.problem(), asked.length]).toEqual([null, 3]);
    expect(log.lines).toEqual([
      'error The upstream "dify" is not set up. Add the variable.',
      'info The upstream "dify" is set up now. Before: prompt-variable-missing.',
    ]);
  });

  it('asks again while the upstream cannot be reached, and warns once', async () => {
    const { log, asked } = checking(inTurn(new ChatError('upstream-unreachable'), null));
    await until(() => asked.length === 2);
    expect(log.lines).toEqual([
      expect.stringMatching(
        /^warn The setup of the upstream "dify" cannot be checked: upstream-unreachable/u,
      ),
    ]);
  });

  it('asks each upstream of published characters once, with their longest prompt, and names them', async () => {
    const lengths: unknown[] = [];
    const { check, log } = checking(
      (upstream, promptChars) => {
        lengths.push([upstream, promptChars]);
        return upstream === 'dify:b' ? refused : null;
      },
      () => [
        published('Ada', 'a', 5),
        published('Tom', 'b'),
        published('Eve', 'a', 30),
        published('Bob', 'b'),
      ],
    );
    await until(() => check.problem() !== null);
    expect(lengths.slice(0, 3)).toEqual([
      ['dify', undefined],
      ['dify:a', 30],
      ['dify:b', 10],
    ]);
    expect(log.lines).toEqual([
      'error The upstream "dify:b" is not set up. Set another key. It answers for "Tom", "Bob".',
    ]);
  });

  it('returns the problem of the default upstream before that of another one', async () => {
    const { check, log } = checking(
      async (upstream) => {
        if (upstream !== 'dify') return refused;
        await new Promise(setImmediate);
        return missing;
      },
      () => [published('Ada', 'a')],
    );
    await until(() => log.lines.length === 2);
    expect(check.problem()).toBe(missing);
  });

  it('checks the others while one upstream does not answer', async () => {
    const apps = Array.from({ length: 20 }, (_, app) => published(`Character ${app}`, `${app}`));
    const { log } = checking(
      (upstream) => (upstream === 'dify:0' ? new Promise<null>(() => undefined) : refused),
      () => apps,
    );
    await until(() => log.lines.length === 20);
  });

  it('checks a character that is published later, and a prompt that has grown', async () => {
    const characters = [published('Ada', null, 40)];
    const { log } = checking(
      (upstream, chars = 0) => (upstream === 'dify:a' ? refused : chars > 48 ? missing : null),
      () => characters,
    );
    characters.push(published('Tom', 'a'));
    await until(() => log.lines.length === 1);
    characters.push(published('Eve', null, 49));
    await until(() => log.lines.length === 2);
    expect(log.lines).toEqual([
      expect.stringContaining('"dify:a" is not set up.'),
      expect.stringContaining('"dify" is not set up.'),
    ]);
  });

  it('reads the characters again only when they have changed', async () => {
    let version = 'first';
    let [asked, reads] = [0, 0];
    checking(
      () => null,
      () => ((reads += 1), []),
      async () => ((asked += 1), version),
    );
    await until(() => asked === 4);
    expect(reads).toBe(1);
    version = 'second';
    await until(() => reads === 2);
  });

  it('reads the characters again after a while, for changes that have no trace', async () => {
    let reads = 0;
    checking(
      () => null,
      () => ((reads += 1), []),
      async () => 'same',
      20,
    );
    await until(() => reads === 3);
  });

  it('asks an upstream again that has a problem, without reading the characters', async () => {
    let reads = 0;
    const { log } = checking(
      inTurn(null, refused, refused, null),
      () => ((reads += 1), [published('Ada', 'a')]),
      async () => 'same',
    );
    await until(() => log.lines.length === 2);
    expect([reads, log.lines[1]]).toEqual([1, expect.stringContaining('"dify:a" is set up now')]);
  });

  it('forgets the problem of an upstream that no published character uses any more', async () => {
    let characters = [published('Ada', 'a')];
    const { check } = checking(
      (upstream) => (upstream === 'dify' ? null : refused),
      () => characters,
    );
    await until(() => check.problem() === refused);
    characters = [];
    await until(() => check.problem() === null);
  });

  it('checks the default upstream while the characters cannot be read, and warns once', async () => {
    const { check, log, asked } = checking(
      () => missing,
      () => {
        throw new Error('no database');
      },
    );
    await until(() => asked.length === 3);
    expect(check.problem()).toBe(missing);
    expect(log.lines.filter((line) => line.startsWith('warn'))).toEqual([
      expect.stringContaining('The characters cannot be read to check their upstreams'),
    ]);
  });

  it('stops', async () => {
    const { check, asked } = checking(() => new ChatError('upstream-unreachable'));
    await until(() => asked.length === 1);
    check.stop();
    expect(asked).toHaveLength(1);
  });
});
