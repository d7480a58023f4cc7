import { ChatError } from '../../chat/errors';
import { LoggableError } from '../../chat/shared/loggable-error';
import type { AnswerFile } from '../../chat/model/file';
import { toStorableText } from '../../chat/shared/storable-text';
import { fromErrorEvent } from './errors';
import { textOfSteps, toUsage, type DifyFrame } from './schema';
import type { ReplyEvent } from '../../chat/ports/upstream';
import { withoutKey } from '../http/mask-secrets';
import type { AddEvents } from '../http/read-reply';

export interface ReplyTranslator {
  /**
   * Takes the frames in order, passes their events to `add`, and ignores unknown frames.
   * @throws ChatError if the frame reports that the reply has failed; `upstream-interrupted` if the reply has ended and
   *   its text is only in frames that could not be read.
   */
  read(frame: DifyFrame, add: AddEvents): void;
  /** Returns whether the ids of the reply are known. Frames then need none. */
  isIdentified(): boolean;
  /** Returns whether `read` needs frames of this event. */
  needs(event: string): boolean;
  /** Returns whether only a few last frames can follow. Some versions of Dify then send pings and no end. */
  isEnding(): boolean;
  /**
   * Passes on the events of a reply that has no more frames. Without `completed`, the reply has broken off.
   * @throws ChatError as `read`.
   */
  end(add: AddEvents): void;
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
 * Undefined for a frame with text of the answer, and for one whose event is not known.
 */
export function shortenedFrame(event: string | undefined): string | undefined {
  return event === undefined || textEvents.has(event) ? undefined : JSON.stringify({ event });
}

type Completed = Extract<ReplyEvent, { type: 'completed' }>;

const withoutUsage: Completed = { type: 'completed', usage: null };

export interface TranslatorOptions {
  /** How much text of an agent's steps it keeps, in UTF-16 code units. */
  readonly maxLateChars: number;
  /** Dify can quote it in an error. */
  readonly apiKey: string;
}

/** Returns a translator for one reply of any kind of Dify app. */
export function createReplyTranslator({ maxLateChars, apiKey }: TranslatorOptions): ReplyTranslator {
  let isIdentified = false;
  let agentText = '';
  const pieces = createPieces();
  let isWorkflow = false;
  /** The `message_end` of a workflow without text. The text can follow in `workflow_finished`. */
  let awaitingOutputs: Completed | undefined;
  /** The status of the workflow after its end. `paused` if it waits for a person, `unread` if its frame was too long. */
  let workflowEnd: string | undefined;
  const late = createLateText(maxLateChars);

  return {
    read(frame, add) {
      // Also for a frame that throws: a first `error` has the ids of a conversation that Dify keeps.
      if (!isIdentified && (frame.conversation_id ?? frame.message_id) !== undefined) {
        isIdentified = true;
        add([toIdentified(frame)]);
      }
      add(toReplyEvents(frame));
    },
    isIdentified: () => isIdentified,
    needs: (event) =>
      (!isIdentified || textEvents.has(event) || otherEvents.has(event)) &&
      !(event === 'agent_thought' && pieces.areAny()),
    isEnding: () => workflowEnd !== undefined || awaitingOutputs !== undefined,
    end(add) {
      if (workflowEnd === 'failed') throw new ChatError('upstream-failed');
      const hasEnd = workflowEnd !== undefined && workflowEnd !== 'paused' && workflowEnd !== 'unread';
      // Without the end of its workflow, the only text of a reply is missing. Dify can have saved it.
      if (hasEnd || (awaitingOutputs !== undefined && pieces.areAny()))
        add(complete(awaitingOutputs ?? withoutUsage));
    },
  };

  function toReplyEvents(frame: DifyFrame): readonly ReplyEvent[] {
    switch (frame.event) {
      case 'message':
        return toText(frame);
      case 'agent_message':
        agentText += frame.answer ?? '';
        return pieces.toDelta(frame.answer);
      case 'message_file':
        // 1.x sends text under this name if the question or the answer has a file. A real file has a url.
        return (frame.url ?? '') === '' ? pieces.toDelta(frame.answer) : toFile(frame);
      case 'message_replace':
        if (agentText !== '') agentText = frame.answer ?? '';
        return pieces.toReplaced(frame.answer ?? '');
      case 'message_end':
        return toCompleted({ type: 'completed', usage: toUsage(frame) });
      case 'error':
        throw fromErrorEvent({ ...frame, message: withoutKey(frame.message ?? '', apiKey) });
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
        workflowEnd = frame.data === undefined ? 'unread' : (frame.data.status ?? 'succeeded');
        late.finished(frame);
        return awaitingOutputs === undefined ? [] : complete(awaitingOutputs);
      default:
        return [];
    }
  }

  /** New agents send a last `message`, which repeats the whole text of their `agent_message`s. */
  function toText({ answer = '' }: DifyFrame): readonly ReplyEvent[] {
    return agentText !== '' && answer.startsWith(agentText)
      ? pieces.toReplaced(answer)
      : pieces.toDelta(answer);
  }

  /** Newer versions of Dify send `workflow_finished` after `message_end`. Wait for it if it can hold the only text. */
  function toCompleted(completed: Completed): readonly ReplyEvent[] {
    if (pieces.areAny() || !isWorkflow || workflowEnd !== undefined) return complete(completed);
    awaitingOutputs = completed;
    return [];
  }

  /** Adds the text that came in no piece of the answer. */
  function complete(completed: Completed): readonly ReplyEvent[] {
    if (pieces.areAny()) return [completed];
    const text = late.text();
    if (text === '' && late.isUnread()) throw unread();
    return [...pieces.toDelta(text), completed];
  }
}

/** Leaves out a file of the question, and one without an id. */
function toFile({ id, type, url, belongs_to: owner }: DifyFrame): readonly ReplyEvent[] {
  if (id === undefined || type === undefined || url === undefined || owner === 'user') return [];
  const file: AnswerFile = { id: toStorableText(id), type: toStorableText(type), url: toStorableText(url) };
  return [{ type: 'file', file }];
}

/** Converts the pieces of an answer. */
function createPieces() {
  let isAny = false;
  return {
    /** Returns whether Dify has sent text of the answer, or has taken it back. */
    areAny: () => isAny,
    toDelta(answer = ''): readonly ReplyEvent[] {
      if (answer === '') return [];
      isAny = true;
      return [{ type: 'delta', text: toStorableText(answer) }];
    },
    toReplaced(answer: string): readonly ReplyEvent[] {
      isAny = true;
      return [{ type: 'replaced', text: toStorableText(answer) }];
    },
  };
}

/** Dify has the text, so the server looks the answer up. */
function unread(): ChatError {
  const message = 'The text of the answer is in a frame that is too long. Raise DIFY_MAX_FRAME_CHARS.';
  return new ChatError('upstream-interrupted', { cause: new LoggableError('ANSWER_UNREAD', message) });
}

/** Collects the text at the end of an answer: of the steps of an agent, or of the outputs of a workflow. */
function createLateText(maxChars: number) {
  let outputs = '';
  let isUnread = false;
  let chars = 0;
  /** Only agents have steps. */
  let steps: Map<string, Step> | undefined;
  return {
    /** Dify sends a step again as it grows. Without an id, the frame was too long. */
    step({ id, thought = '', tool = '' }: DifyFrame): void {
      if (id !== undefined) {
        steps ??= new Map();
        chars += charsOf(id, { thought, tool }) - charsOf(id, steps.get(id));
        steps.set(id, { thought, tool });
      }
      if (id !== undefined && chars <= maxChars) return;
      isUnread = true;
      steps = undefined;
      chars = 0;
    },
    finished({ data }: DifyFrame): void {
      if (data === undefined) isUnread = true;
      outputs = data?.outputs?.answer ?? data?.outputs?.text ?? '';
    },
    isUnread: () => isUnread,
    text: () => (outputs === '' && !isUnread ? textOfSteps([...(steps?.values() ?? [])]) : outputs),
  };
}

interface Step {
  readonly thought: string;
  readonly tool: string;
}

function charsOf(id: string, step: Step | undefined): number {
  return step === undefined ? 0 : id.length + step.thought.length + step.tool.length;
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
