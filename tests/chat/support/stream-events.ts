import type { Envelope, WireEvent } from '../../../src/chat/contract/stream-event';

/** The envelope of a turn before Dify has named anything. */
export const envelope: Envelope = {
  turn_id: 'turn-1',
  task_id: 'turn-1',
  session_id: 'session-1',
  conversation_id: null,
  message_id: 'msg-1',
  created_at: 1_767_323_045,
};

/** The same with Dify's ids. */
export const namedEnvelope: Envelope = { ...envelope, conversation_id: 'c', message_id: 'm' };

export const said = (answer: string): WireEvent => ({ event: 'message', ...envelope, id: 'msg-1', answer });

export const failed: WireEvent = {
  event: 'error',
  ...envelope,
  code: 'internal',
  status: 500,
  message: 'Something went wrong on our side.',
  outcome: 'failed',
};
