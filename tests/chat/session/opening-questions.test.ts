import type { NodeBus } from '../../../src/chat/ports/nodes/node-bus';
import { createOpeningQuestions } from '../../../src/chat/session/opening-questions';
import { settle } from '../support/collect';
import { ada, bob } from '../support/fixtures';

/** Returns the buses of two nodes. Each passes its messages to the other, as JSON. */
function twoBuses(): readonly Pick<NodeBus, 'send' | 'listen'>[] {
  const listeners = [
    new Map<string, (message: unknown) => void>(),
    new Map<string, (message: unknown) => void>(),
  ];
  return [0, 1].map((node) => ({
    send: (topic, message) => listeners[1 - node]?.get(topic)?.(JSON.parse(JSON.stringify(message))),
    listen(topic, listener) {
      listeners[node]?.set(topic, listener);
      return { begun: Promise.resolve(), end: () => undefined };
    },
  }));
}
const createTwo = () => twoBuses().map(createOpeningQuestions);
const createOne = () => createTwo()[0] as ReturnType<typeof createOpeningQuestions>;

describe('a question that opens', () => {
  it('is stopped by a stop of its chat, whether its body is read before or after that', async () => {
    const questions = createOne();
    const [known, unknown] = [questions.add(ada), questions.add(ada)];
    known.setChat('tale');
    const stopped = questions.stop(ada, 'tale');
    unknown.setChat('tale');

    expect([known.isStopped(), unknown.isStopped()]).toEqual([true, true]);
    for (const one of [known, unknown]) one.remove();
    await stopped;
  });

  it("is not stopped by a stop of another chat, by another user's, or by one before it", async () => {
    const questions = createOne();
    await questions.stop(ada, 'tale');
    const question = questions.add(ada);
    await questions.stop(ada, 'song');
    await questions.stop(bob, 'tale');
    question.setChat('tale');

    expect(question.isStopped()).toBe(false);
  });

  it('is stopped from another node', async () => {
    const [here, there] = createTwo();
    const question = here?.add(ada);
    question?.setChat('tale');
    await there?.stop(ada, 'tale');

    expect(question?.isStopped()).toBe(true);
  });

  it('lets its stop wait until it is removed', async () => {
    const questions = createOne();
    const question = questions.add(ada);
    question.setChat('tale');
    let hasStopped = false;
    const stopping = questions.stop(ada, 'tale').then(() => (hasStopped = true));
    await settle();
    expect(hasStopped).toBe(false);
    question.remove();
    await stopping;
  });

  it('remembers at most 100 stopped chats while its body is read', async () => {
    const questions = createOne();
    const question = questions.add(ada);
    for (let index = 0; index <= 100; index += 1) await questions.stop(ada, `chat ${index}`);
    question.setChat('chat 100');
    expect(question.isStopped()).toBe(false);
    question.setChat('chat 99');
    expect(question.isStopped()).toBe(true);
  });
});
