import { ChatError } from '../../src/chat/errors';
import type { UpstreamProblem } from '../../src/chat/ports/upstream';
import { createUpstreamCheck } from '../../src/upstream/check';
import { recordingLog } from '../chat/support/fixtures';
import { until } from '../chat/support/collect';

const missing: UpstreamProblem = { code: 'prompt-variable-missing', message: 'Add the variable.' };

/** Starts a check of an upstream that gives these results one after the other. */
function checking(results: readonly (UpstreamProblem | Error | null)[]) {
  const log = recordingLog();
  let calls = 0;
  const check = createUpstreamCheck({
    upstreams: {
      async findProblem() {
        const result = results[Math.min(calls, results.length - 1)];
        calls += 1;
        if (result instanceof Error) throw result;
        return result ?? null;
      },
    },
    log,
    recheckMs: 5,
  });
  return { check, log, calls: () => calls };
}

describe('createUpstreamCheck', () => {
  it('asks once, and logs nothing if nothing is wrong', async () => {
    const { check, log, calls } = checking([null]);
    check.start();
    await until(() => calls() === 1);
    expect([check.problem(), log.lines]).toEqual([null, []]);
  });

  it('logs a problem once, until it is solved', async () => {
    const { check, log, calls } = checking([missing, missing, null]);
    check.start();
    await until(() => calls() === 2);
    expect(check.problem()).toBe(missing);
    await until(() => log.lines.length === 2);
    expect([check.problem(), calls()]).toEqual([null, 3]);
    expect(log.lines).toEqual([
      'error Add the variable.',
      'info The upstream is set up now. Before: prompt-variable-missing.',
    ]);
  });

  it('asks again while the upstream cannot be reached, and warns once', async () => {
    const { check, log, calls } = checking([new ChatError('upstream-unreachable'), null]);
    check.start();
    await until(() => calls() === 2);
    expect(log.lines).toEqual([
      expect.stringMatching(/^warn The setup of the upstream cannot be checked: upstream-unreachable/u),
    ]);
  });

  it('stops', async () => {
    const { check, calls } = checking([new ChatError('upstream-unreachable')]);
    check.start();
    await until(() => calls() === 1);
    check.stop();
    expect(calls()).toBe(1);
  });
});
