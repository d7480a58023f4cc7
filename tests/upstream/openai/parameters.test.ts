import { parseParameters } from '../../../src/upstream/openai/parameters';
import { thrown } from '../../chat/support/collect';

describe('parseParameters', () => {
  it('keeps the known parameters and drops the others', () => {
    const known = { temperature: 0, top_p: 0.5, max_tokens: 1, seed: -3, stop: 'END' };
    expect(parseParameters({ ...known, stream: false, n: 2, tools: [], top_k: 4 })).toEqual(known);
  });

  it.each([
    ['temperature', 2.1],
    ['temperature', '0.7'],
    ['temperature', null],
    ['top_p', -0.1],
    ['max_tokens', 0],
    ['max_tokens', 1.5],
    ['max_completion_tokens', 0],
    ['presence_penalty', 3],
    ['frequency_penalty', -3],
    ['seed', 0.5],
    ['stop', []],
    ['stop', ''],
    ['stop', [7]],
    ['reasoning_effort', ''],
  ])('refuses %s: %j, and names the parameter', async (name, value) => {
    expect(await thrown(() => parseParameters({ [name]: value }))).toMatchObject({
      code: 'upstream-misconfigured',
      cause: { remedy: expect.stringContaining(name) },
    });
  });

  it('does not repeat a wrong value', async () => {
    const error = await thrown(() => parseParameters({ stop: { secret: 'sk-1234' } }));
    expect(JSON.stringify((error as Error).cause)).not.toContain('1234');
  });
});
