import { ChatError } from '../../chat/errors';
import { toStorableText } from '../../chat/shared/storable-text';
import { fromErrorEvent } from './errors';
import { toUsage, type DifyFrame } from './schema';
import type { ReplyEvent } from '../../chat/ports/upstream';

export interface ReplyTranslator {
  /**
   * Takes the frames in order, returns their events, and ignores unknown frames.
   * @throws ChatError if the frame reports that the reply has failed.
   */
  read(frame: DifyFrame): readonly ReplyEvent[];
  /** Returns whether `read` needs frames of this event. */
  needs(event: string): boolean;
  /** Returns whether only a few last frames can follow. Some versions of Dify then send pings and no end. */
  isEnding(): boolean;
  /**
   * Returns the events of a reply that has no more frames. Without `completed`, the reply has broken off.
   * @throws ChatError if the reply has failed.
   */
  end(): readonly ReplyEvent[];
}

/** Events whose frames are needed whole, because they hold pieces of the answer. */
const textEvents: ReadonlySet<string> = new Set([
  'message',
  'agent_message',
  'message_file',
  'message_replace',
]);
/** Events of which a part is needed. */
const otherEvents: ReadonlySet<string> = new Set([
  'message_end',
  'error',
  'workflow_started',
  'workflow_finished',
  'workflow_paused',
  'agent_thought',
]);

/**
 * Returns the frame that replaces one over the limit of length. The name of the event is enough, e.g. to end a reply.
 * Undefined for a frame with text of the answer, and for an unknown one.
 */
export function shortenedFrame(event: string | undefined): string | undefined {
  return event !== undefined && otherEvents.has(event) ? JSON.stringify({ event }) : undefined;
}

type Completed = Extract<ReplyEvent, { type: 'completed' }>;

const withoutUsage: Completed = { type: 'completed', usage: null };

/** Returns a translator for one reply of any kind of Dify app. */
export function createReplyTranslator(): ReplyTranslator {
  let isIdentified = false;
  let agentText = '';
  /** Whether Dify has sent text of the answer, or has taken it back. */
  let hasText = false;
  let isWorkflow = false;
  /** The `message_end` of a workflow without text. The text can follow in `workflow_finished`. */
  let awaitingOutputs: Completed | undefined;
  /** The status of the workflow after its end; `paused` if it waits for a person. */
  let workflowEnd: string | undefined;
  const late = createLateText();

  return {
    read(frame) {
      const events = toReplyEvents(frame);
      if (isIdentified || (frame.conversation_id ?? frame.message_id) === undefined) return events;
      isIdentified = true;
      return [toIdentified(frame), ...events];
    },
    needs: (event) =>
      (!isIdentified || textEvents.has(event) || otherEvents.has(event)) &&
      !(event === 'agent_thought' && hasText),
    isEnding: () => workflowEnd !== undefined || awaitingOutputs !== undefined,
    end() {
      if (awaitingOutputs === undefined && (workflowEnd ?? 'paused') === 'paused') return [];
      if (workflowEnd === 'failed') throw new ChatError('upstream-failed');
      return complete(awaitingOutputs ?? withoutUsage);
    },
  };

  function toReplyEvents(frame: DifyFrame): readonly ReplyEvent[] {
    switch (frame.event) {
      case 'message':
        return toText(frame);
      case 'agent_message':
        agentText += frame.answer ?? '';
        return toDelta(frame.answer);
      case 'message_file':
        // Some releases send text under this name after the reply has a file. A real file has a url.
        return (frame.url ?? '') === '' ? toDelta(frame.answer) : [];
      case 'message_replace':
        if (agentText !== '') agentText = frame.answer ?? '';
        return toReplaced(frame.answer ?? '');
      case 'message_end':
        return toCompleted({ type: 'completed', usage: toUsage(frame) });
      case 'error':
        throw fromErrorEvent(frame);
      case 'agent_thought':
        late.step(frame);
        return [];
      case 'workflow_started':
        isWorkflow = true;
        workflowEnd = undefined; // A paused workflow goes on.
        return [];
      case 'workflow_paused':
        workflowEnd ??= 'paused';
        return [];
      case 'workflow_finished':
        workflowEnd = frame.data?.status ?? 'succeeded';
        late.finished(frame);
        return awaitingOutputs === undefined ? [] : complete(awaitingOutputs);
      default:
        return [];
    }
  }

  /** New agents send a last `message`, which repeats the whole text of their `agent_message`s. */
  function toText({ answer = '' }: DifyFrame): readonly ReplyEvent[] {
    return agentText !== '' && answer.startsWith(agentText) ? toReplaced(answer) : toDelta(answer);
  }

  function toDelta(answer = ''): readonly ReplyEvent[] {
    if (answer === '') return [];
    hasText = true;
    return [{ type: 'delta', text: toStorableText(answer) }];
  }

  function toReplaced(answer: string): readonly ReplyEvent[] {
    hasText = true;
    return [{ type: 'replaced', text: toStorableText(answer) }];
  }

  /** Newer versions of Dify send `workflow_finished` after `message_end`. Wait for it if it can hold the only text. */
  function toCompleted(completed: Completed): readonly ReplyEvent[] {
    if (hasText || !isWorkflow || workflowEnd !== undefined) return complete(completed);
    awaitingOutputs = completed;
    return [];
  }

  /** Adds the text that came in no piece of the answer. */
  function complete(completed: Completed): readonly ReplyEvent[] {
    return hasText ? [completed] : [...toDelta(late.text()), completed];
  }
}

/** Collects the text at the end of an answer: of the steps of an agent, or of the outputs of a workflow. */
function createLateText() {
  let outputs = '';
  const steps = new Map<string, string>();
  return {
    /** Dify sends a step again as it grows. */
    step: ({ id = '', thought = '' }: DifyFrame) => void steps.set(id, thought),
    finished({ data }: DifyFrame): void {
      outputs = data?.outputs?.answer ?? data?.outputs?.text ?? '';
    },
    text: () => (outputs === '' ? [...steps.values()].join('') : outputs),
  };
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
