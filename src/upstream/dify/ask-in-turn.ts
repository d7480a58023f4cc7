import type { TakeEvents, Upstream, UpstreamQuestion } from '../../chat/ports/upstream';
import { ChatError } from '../../chat/errors';
import type { DifySettings } from '../../chat/settings';
import type { SharedPlaces } from '../../chat/shared/places';
import { createAnswerQueue, type AnswerQueue } from './answer-queue';
import { createSpacing } from './spacing';

export interface QueueOptions {
  readonly settings: Pick<DifySettings, 'apiUrl' | 'answersAtOnce' | 'queueMs'>;
  /** The places of all processes. Default: each process counts alone. */
  readonly places?: SharedPlaces | undefined;
  readonly warn: (message: string) => void;
}

export interface AskInTurnOptions<Question extends UpstreamQuestion> extends QueueOptions {
  readonly settings: QueueOptions['settings'] & Pick<DifySettings, 'spaceQuestions'>;
  /** A queue that several apps of one Dify share. Default: one for these questions only. */
  readonly queue?: AnswerQueue | undefined;
  readonly ask: (question: Question, take: TakeEvents) => Promise<void>;
}

interface AskInTurn<Question extends UpstreamQuestion> extends Pick<Upstream, 'waiting'> {
  ask(question: Question, take: TakeEvents, leave?: AbortSignal): Promise<void>;
}

/** Sends questions to Dify when it can take them: see `AnswerQueue` and `Spacing`. */
export function createAskInTurn<Question extends UpstreamQuestion = UpstreamQuestion>({
  settings,
  warn,
  ask,
  queue = createQueue({ settings, warn }),
}: AskInTurnOptions<Question>): AskInTurn<Question> {
  const spacing = settings.spaceQuestions ? createSpacing() : null;

  return {
    waiting: queue.waiting,
    async ask(question, take, leave = never) {
      const { user, conversationId } = question;
      if (conversationId !== null) await spacing?.untilFree(conversationId, leave).catch(throwStopping);
      const release = await queue.enter(user, leave, (place) => take([{ type: 'queued', place }]));
      const sentAtMs = performance.now();
      if (conversationId !== null) spacing?.sent(conversationId, sentAtMs);
      try {
        await ask(question, (events) => {
          const [first] = events;
          if (first?.type === 'identified' && first.conversationId !== undefined)
            spacing?.sent(first.conversationId, sentAtMs);
          take(events);
        });
      } finally {
        release();
      }
    },
  };
}

export function createQueue({ settings, places, warn }: QueueOptions): AnswerQueue {
  const atOnce = settings.answersAtOnce ?? defaultAnswersAtOnce(settings.apiUrl);
  const { host: name } = new URL(settings.apiUrl);
  return createAnswerQueue({ atOnce, waitMs: settings.queueMs, name, warn, ...(places && { places }) });
}

const never = new AbortController().signal;

/** A self-hosted Dify takes ten connections by default. The others are for stops and short calls. */
function defaultAnswersAtOnce(apiUrl: string): number {
  return new URL(apiUrl).hostname === 'api.dify.ai' ? 0 : 8;
}

function throwStopping(): never {
  throw new ChatError('server-stopping');
}
