import type { Admission } from '../limits/turn-limits';
import type { RateLimit } from '../errors';
import type { TurnOptions } from './options';
import type { NewTurn, TurnProgress } from '../model/turn';
import type { FoundAnswer, Upstream } from '../ports/upstream';
import type { Question } from '../model/question';
import type { AnsweringCharacter } from '../model/character';
import { type LiveTurn, createTurnLog } from '../stream/live-turns';
import { createWireFormat } from '../stream/formatter';
import { toUpstreamUser } from '../model/owner';
import { toAsk } from './ask';
import { pump } from './pump';
import { saveEndedConversation } from './save-end';
import { findLost } from './recovery/recover';
import { describeError } from '../shared/log';

/** The parts of a running turn other than its question. */
export interface Running {
  readonly upstream: Upstream;
  readonly admission: Admission;
  readonly rateLimit: RateLimit | null;
  /** Fires when the process can wait no longer. */
  readonly giveUp: AbortSignal;
}

/** Starts a saved turn. From now on, the turn runs and ends without its caller. */
export function run(
  options: TurnOptions,
  turn: NewTurn,
  question: Question,
  character: AnsweringCharacter,
  { upstream, admission, rateLimit, giveUp }: Running,
): LiveTurn {
  const { settings, store, live, log, onTurnEnded } = options;
  const { turnId, owner, thread } = turn;
  const { sessionId } = turn.session;
  const { conversationId } = thread;
  const turnLog = createTurnLog({
    turnId,
    sessionId,
    ownerId: owner.id,
    rateLimit,
    maxChars: settings.maxLogChars,
  });
  const wire = createWireFormat({
    ids: {
      turnId,
      sessionId,
      conversationId,
      questionMessageId: turn.questionMessageId,
      answerMessageId: turn.answerMessageId,
      createdAt: turn.createdAt,
      upstreamId: thread.upstreamId,
    },
    owner,
    character,
    exposePrompt: settings.exposePrompt,
    links: options.fileLinks,
  });
  const user = toUpstreamUser(owner);
  const { query } = question;
  const ask = toAsk(options, { upstream, turn, question, character, user });
  live.add(turnLog);
  turnLog.append(wire.event({ type: 'started' }));
  void pump({
    turn,
    settings,
    store,
    log,
    ask: (conversation, take) => ask(conversation, take, turnLog.endRequest),
    stop: (taskId) => upstream.stop(taskId, user),
    findAnswer: upstream.savesAnswers ? findAnswer : undefined,
    giveUp,
    onTurnEnded,
    saveConversation: (id) =>
      saveEndedConversation(options, { turnId, user, upstreamId: thread.upstreamId }, id),
    requestEnd: turnLog.requestEnd,
    endRequest: turnLog.endRequest,
    identify: wire.identify,
    lastEventId: turnLog.lastId,
    append(event) {
      if (event.type === 'delta') turnLog.appendText(wire.messageHead(), event.text);
      else turnLog.append(wire.event(event));
    },
  })
    .then(async ({ terminal, ending: { outcome, usage, answer } }) => {
      // Add the tokens to the daily count before sending the final event. A follow-up question is then checked against
      // them.
      const texts = answer === '' ? [] : [character.prompt, query, answer];
      await admission.spend({ outcome, usage, texts });
      turnLog.append(wire.event(terminal));
    })
    .catch((error: unknown) => {
      log.error(`Turn ${turnId}: its end could not be sent: ${describeError(error)}`);
      turnLog.append(wire.event({ type: 'failed', outcome: 'failed', code: 'internal' }));
    });
  return turnLog;

  function findAnswer(progress: TurnProgress): Promise<FoundAnswer | null> {
    return findLost({ upstream, store }, turnId, {
      user,
      query,
      askedAt: turn.createdAt,
      messageId: progress.messageId,
      beginning: progress.answer,
      conversationId: progress.conversationId ?? conversationId,
    });
  }
}
