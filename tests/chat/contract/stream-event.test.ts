import { ChatError, chatErrors, type ChatErrorCode } from '../../../src/chat/errors';
import { toMessageReply } from '../../../src/chat/contract/messages/reply';
import type { SavedTurn } from '../../../src/chat/model/turn';
import type { TurnEvent } from '../../../src/chat/model/turn-event';
import {
  compactEvent,
  isTerminal,
  parseStreamFormat,
  toCompactEvent,
  toLastEvent,
  toWireEvent,
} from '../../../src/chat/contract/stream-event';
import { toAnswerFileReply } from '../../../src/chat/contract/file/link';
import { ada, keeper, links, message } from '../support/fixtures';
import { namedEnvelope as envelope } from '../support/stream-events';

const saved: SavedTurn = [message({ id: 1, role: 'user' }), message({ id: 2 })];

function toWire(event: TurnEvent) {
  const replyContext = {
    owner: ada,
    characters: new Map([[keeper.documentId, keeper]]),
    exposePrompt: true,
    links,
  };
  return toWireEvent(event, {
    envelope,
    questionMessageId: 'q',
    toFile: (file) => toAnswerFileReply(file, message(), { owner: ada, links }),
    toReplies: (lines) => lines.map((line) => toMessageReply(line, replyContext)),
  });
}

describe('toLastEvent', () => {
  const ended = new ChatError('login-ended');
  const told = { code: 'login-ended', status: 401, message: chatErrors['login-ended'].sentence };

  it('has the ids of the event before', () => {
    const before = JSON.stringify(toWire({ type: 'delta', text: 'Hi' }));
    expect(JSON.parse(String(toLastEvent(before, ended)))).toEqual({ event: 'error', ...envelope, ...told });
  });

  it('has no ids if no event came before', () => {
    expect(JSON.parse(String(toLastEvent(undefined, ended)))).toEqual({ event: 'error', ...told });
  });

  it('returns undefined after the end of the turn', () => {
    const end = JSON.stringify(toWire({ type: 'ended', outcome: 'completed', saved }));
    expect(toLastEvent(end, ended)).toBeUndefined();
  });
});

describe('toWireEvent', () => {
  it('returns turn_started with the id of the question', () => {
    expect(toWire({ type: 'started' })).toEqual({
      event: 'turn_started',
      ...envelope,
      question_message_id: 'q',
    });
  });

  it('returns a file in the format of Dify, with a link of this server', () => {
    const file = { id: 'file-1', type: 'image', url: 'http://dify.internal/files/tools/a.png?sign=x' };
    expect(toWire({ type: 'file', file })).toEqual({
      event: 'message_file',
      ...envelope,
      id: 'file-1',
      type: 'image',
      belongs_to: 'assistant',
      url: '/link/msg-1/file-1',
    });
  });

  it('returns text in the format of Dify', () => {
    expect(toWire({ type: 'delta', text: 'Hi' })).toEqual({
      event: 'message',
      ...envelope,
      id: 'm',
      answer: 'Hi',
    });
    expect(toWire({ type: 'replaced', text: 'Hi' })).toEqual({
      event: 'message_replace',
      ...envelope,
      answer: 'Hi',
    });
  });

  it.each(['completed', 'stopped'] as const)(
    'returns the end of a %s turn with the usage, both messages and the saved message id',
    (outcome) => {
      expect(toWire({ type: 'ended', outcome, saved })).toEqual({
        event: 'message_end',
        ...envelope,
        message_id: 'msg-1',
        id: 'msg-1',
        outcome,
        metadata: { usage: { total_tokens: 50, currency: 'USD' } },
        data: [
          expect.objectContaining({ id: 1, role: 'user' }),
          expect.objectContaining({ id: 2, role: 'assistant' }),
        ],
      });
    },
  );

  it.each(Object.keys(chatErrors) as ChatErrorCode[])(
    'returns %s with its status and its fixed sentence',
    (code) => {
      expect(toWire({ type: 'failed', outcome: 'interrupted', code })).toEqual({
        event: 'error',
        ...envelope,
        code,
        status: chatErrors[code].status,
        message: chatErrors[code].sentence,
        outcome: 'interrupted',
      });
    },
  );
});

describe('isTerminal', () => {
  it('returns true for the two end events only', () => {
    const events: readonly TurnEvent[] = [
      { type: 'started' },
      { type: 'delta', text: '' },
      { type: 'replaced', text: '' },
      { type: 'ended', outcome: 'completed', saved },
      { type: 'failed', outcome: 'failed', code: 'internal' },
    ];
    expect(events.map((event) => isTerminal(toWire(event)))).toEqual([false, false, false, true, true]);
  });
});

describe('toCompactEvent', () => {
  const events: readonly TurnEvent[] = [
    { type: 'started' },
    { type: 'queued', place: 2 },
    { type: 'delta', text: 'Hi' },
    { type: 'replaced', text: 'Ho' },
    { type: 'ended', outcome: 'completed', saved },
    { type: 'failed', outcome: 'failed', code: 'internal' },
  ];

  it.each(events)('returns what the schema documents for $type', (event) => {
    for (const hasNewIds of [true, false]) {
      const compact = toCompactEvent(toWire(event), hasNewIds);
      expect(compactEvent.parse(compact)).toEqual(compact);
      expect(compact.event).toBe(toWire(event).event);
    }
  });

  it('never has the messages of the end', () => {
    expect(toCompactEvent(toWire({ type: 'ended', outcome: 'stopped', saved }), true)).not.toHaveProperty(
      'data',
    );
  });
});

describe('parseStreamFormat', () => {
  it('is full unless the client asks for compact', () => {
    expect([undefined, {}, { format: 'full' }, { format: 'compact' }].map(parseStreamFormat)).toEqual([
      'full',
      'full',
      'full',
      'compact',
    ]);
  });

  it.each(['', 'Compact', ['compact'], null])('refuses %j', (format) => {
    expect(() => parseStreamFormat({ format })).toThrow('format must be full or compact.');
  });
});
