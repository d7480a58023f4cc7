import { ChatError } from '../../../../src/chat/errors';
import { toDifyAnswer, toDifyEvents, toLastDifyEvent } from '../../../../src/chat/contract/dify/event';
import { isTerminal, toWireEvent, type WireEvent } from '../../../../src/chat/contract/stream-event';
import { toAnswerFileReply } from '../../../../src/chat/contract/file/link';
import { toMessageReply } from '../../../../src/chat/contract/messages/reply';
import type { TurnEvent } from '../../../../src/chat/model/turn-event';
import { ada, keeper, links, message } from '../../support/fixtures';

const envelope = {
  turn_id: 'turn',
  task_id: 'turn',
  session_id: 'session',
  conversation_id: 'conversation',
  message_id: 'answer',
  created_at: 1,
};
const ids = { conversation_id: 'conversation', message_id: 'answer', created_at: 1 };
const replyContext = {
  owner: ada,
  characters: new Map([[keeper.documentId, keeper]]),
  exposePrompt: true,
  links,
};
const toWire = (event: TurnEvent, changes: Partial<typeof envelope> | { conversation_id: null } = {}) =>
  toWireEvent(event, {
    envelope: { ...envelope, ...changes },
    questionMessageId: 'question',
    toFile: (file) => toAnswerFileReply(file, message({ messageId: 'answer' }), { owner: ada, links }),
    toReplies: (lines) => lines.map((line) => toMessageReply(line, replyContext)),
  });
const end = toWire({
  type: 'ended',
  outcome: 'completed',
  saved: [
    message({ id: 1, role: 'user' }),
    message({ id: 2, messageId: 'answer', answer: 'Hi', usage: { total_tokens: 7, latency: 0.5 } }),
  ],
});

describe('toDifyEvents', () => {
  it.each<TurnEvent>([{ type: 'started' }, { type: 'queued', place: 2 }])(
    'leaves out $type, because Dify has no such event',
    (event) => {
      expect(toDifyEvents(toWire(event))).toEqual([]);
    },
  );

  it("returns a piece of text with all of Dify's fields in Dify's order", () => {
    expect(JSON.stringify(toDifyEvents(toWire({ type: 'delta', text: 'Hi' })))).toBe(
      '[{"event":"message","conversation_id":"conversation","message_id":"answer","created_at":1,' +
        '"task_id":"turn","id":"answer","answer":"Hi","from_variable_selector":null}]',
    );
  });

  it('returns a replaced text with a reason', () => {
    expect(toDifyEvents(toWire({ type: 'replaced', text: 'Hi' }))).toEqual([
      { event: 'message_replace', ...ids, task_id: 'turn', answer: 'Hi', reason: '' },
    ]);
  });

  it('returns a file of the answer with the link of this server', () => {
    const file = { id: 'f', type: 'image', url: 'http://dify/files/f' };
    expect(toDifyEvents(toWire({ type: 'file', file }))).toEqual([
      {
        ...{ event: 'message_file', ...ids, task_id: 'turn' },
        ...{ id: 'f', type: 'image', belongs_to: 'assistant', url: '/link/answer/f' },
      },
    ]);
  });

  it('ends an answer with an empty piece and message_end', () => {
    const [piece, last] = toDifyEvents(end);
    expect(piece).toMatchObject({ event: 'message', answer: '' });
    expect(last).toMatchObject({ event: 'message_end', ...ids, task_id: 'turn', id: 'answer', files: null });
  });

  it('fills the usage that the upstream has not reported', () => {
    const [, last] = toDifyEvents(end);
    expect(last).toMatchObject({
      metadata: {
        annotation_reply: null,
        retriever_resources: [],
        usage: { total_tokens: 7, latency: 0.5, prompt_tokens: 0, total_price: '0.0', currency: 'USD' },
      },
    });
  });

  it('returns an error with status 400 and without task_id', () => {
    const [error] = toDifyEvents(toWire({ type: 'failed', outcome: 'failed', code: 'upstream-failed' }));
    expect(error).toEqual({
      event: 'error',
      ...ids,
      code: 'completion_request_error',
      status: 400,
      message: 'The answering service failed while answering.',
    });
  });

  it('uses the id of the session until the conversation has a name', () => {
    const [piece] = toDifyEvents(toWire({ type: 'delta', text: 'Hi' }, { conversation_id: null }));
    expect(piece).toMatchObject({ conversation_id: 'session' });
  });
});

describe('toDifyAnswer', () => {
  it("returns the whole answer with Dify's fields in Dify's order", () => {
    const answer = toDifyAnswer(end as Extract<WireEvent, { event: 'message_end' }>);
    expect(isTerminal(end)).toBe(true);
    expect(Object.keys(answer)).toEqual([
      ...[
        'event',
        'task_id',
        'id',
        'message_id',
        'conversation_id',
        'mode',
        'answer',
        'metadata',
        'created_at',
      ],
    ]);
    expect(answer).toMatchObject({ event: 'message', ...ids, id: 'answer', mode: 'chat', answer: 'Hi' });
  });
});

describe('toLastDifyEvent', () => {
  const ended = new ChatError('login-ended');
  const told = { code: 'unauthorized', status: 401, message: 'This login has ended. Log in again.' };

  it('has the ids of the event before', () => {
    const [before] = toDifyEvents(toWire({ type: 'delta', text: 'Hi' }));
    expect(JSON.parse(String(toLastDifyEvent(JSON.stringify(before), ended)))).toEqual({
      event: 'error',
      ...ids,
      ...told,
    });
  });

  it('has no ids if no event came before', () => {
    expect(JSON.parse(String(toLastDifyEvent(undefined, ended)))).toEqual({ event: 'error', ...told });
  });

  it('returns undefined after the end of the answer', () => {
    const last = toDifyEvents(end).at(-1);
    expect(toLastDifyEvent(JSON.stringify(last), ended)).toBeUndefined();
  });
});
