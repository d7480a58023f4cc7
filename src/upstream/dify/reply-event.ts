import { toStorableText } from '../../chat/shared/storable-text';
import { fromDifyError } from './errors';
import { toUsage, type DifyFrame } from './schema';
import type { ReplyEvent } from '../../chat/ports/upstream';

/** @throws ChatError if the frame reports that the reply has failed. */
export type ReplyTranslator = (frame: DifyFrame) => readonly ReplyEvent[];

/** Returns a translator for one reply. It takes the frames in order, returns events, and ignores unknown frames. */
export function createReplyTranslator(): ReplyTranslator {
  let isIdentified = false;
  let agentText = '';

  return function toReplyEvents(frame) {
    const event = toReplyEvent(frame);
    const events = event === null ? [] : [event];
    if (isIdentified || (frame.conversation_id ?? frame.message_id) === undefined) return events;
    isIdentified = true;
    return [toIdentified(frame), ...events];
  };

  function toReplyEvent(frame: DifyFrame): ReplyEvent | null {
    switch (frame.event) {
      case 'message':
        return toText(frame);
      case 'agent_message':
        agentText += frame.answer ?? '';
        return toDelta(frame);
      case 'message_file':
        // Some releases send text under this name after the reply has a file. A real file has a url.
        return (frame.url ?? '') === '' ? toDelta(frame) : null;
      case 'message_replace':
        if (agentText !== '') agentText = frame.answer ?? '';
        return { type: 'replaced', text: toStorableText(frame.answer ?? '') };
      case 'message_end':
        return { type: 'completed', usage: toUsage(frame) };
      case 'error':
        throw fromDifyError(frame.status ?? 500, frame);
      default:
        return null;
    }
  }

  /** New agents send a last `message`, which repeats the whole text of their `agent_message`s. */
  function toText(frame: DifyFrame): ReplyEvent | null {
    const isRepetition = agentText !== '' && frame.answer?.startsWith(agentText) === true;
    return isRepetition ? { type: 'replaced', text: toStorableText(frame.answer ?? '') } : toDelta(frame);
  }
}

function toDelta({ answer }: DifyFrame): ReplyEvent | null {
  return answer === undefined || answer === '' ? null : { type: 'delta', text: toStorableText(answer) };
}

function toIdentified({ task_id, message_id, conversation_id }: DifyFrame): ReplyEvent {
  return {
    type: 'identified',
    taskId: toStorableId(task_id),
    messageId: toStorableId(message_id),
    conversationId: toStorableId(conversation_id),
  };
}

const toStorableId = (id: string | undefined) => (id === undefined ? undefined : toStorableText(id));
