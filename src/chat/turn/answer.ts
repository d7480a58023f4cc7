import type { ReplyEvent } from '../ports/upstream';
import type { AnswerFile } from '../model/file';
import type { TurnProgress } from '../model/turn';
import type { Usage } from '../model/outcome';

/** One answer that grows with each event. */
export interface Answer {
  take(event: ReplyEvent): void;
  /** Returns whether the text exceeds the limit. The text includes the event that exceeded it. */
  isTooLong(): boolean;
  /** Marks the answer as ended. The pump then takes no further events. */
  freeze(): void;
  isFrozen(): boolean;
  /** Marks that the upstream had lost the conversation, and that this answer begins a new one. */
  restartThread(): void;
  isThreadRestarted(): boolean;
  /** Returns whether a replacement was more than a longer text. */
  isTakenBack(): boolean;
  progress(): TurnProgress;
  usage(): Usage | null;
  /** Milliseconds since 1970 at which its text began; null if it has none. */
  firstTokenAt(): number | null;
  files(): readonly AnswerFile[];
}

/** More files in one answer are left out. */
export const maxAnswerFiles = 20;

export function createAnswer({ maxChars }: { maxChars: number }): Answer {
  let answer = '';
  let usage: Usage | null = null;
  let firstTokenAt: number | null = null;
  const files: AnswerFile[] = [];
  let isFrozen = false;
  let isThreadRestarted = false;
  let isTakenBack = false;
  let ids: Omit<TurnProgress, 'answer'> = {
    taskId: undefined,
    messageId: undefined,
    conversationId: undefined,
  };

  return {
    take(event) {
      switch (event.type) {
        case 'identified':
          ids = { taskId: event.taskId, messageId: event.messageId, conversationId: event.conversationId };
          break;
        case 'delta':
          answer += event.text;
          if (firstTokenAt === null && answer !== '') firstTokenAt = Date.now();
          break;
        case 'replaced':
          if (!event.text.startsWith(answer)) isTakenBack = true;
          answer = event.text;
          if (firstTokenAt === null && answer !== '') firstTokenAt = Date.now();
          break;
        case 'completed':
          usage = event.usage;
          break;
        case 'file':
          files.push(event.file);
          break;
        case 'queued':
          break;
      }
    },
    freeze() {
      isFrozen = true;
    },
    isFrozen: () => isFrozen,
    restartThread() {
      isThreadRestarted = true;
    },
    isThreadRestarted: () => isThreadRestarted,
    isTakenBack: () => isTakenBack,
    isTooLong: () => answer.length > maxChars,
    progress: () => ({ answer, ...ids }),
    usage: () => usage,
    firstTokenAt: () => firstTokenAt,
    files: () => files,
  };
}
