import { ChatError } from '../../chat/errors';
import type { LoginAttempts } from '../../chat/ports/upstreams/login-attempts';
import type { TakeEvents, Upstream, UpstreamQuestion } from '../../chat/ports/upstream';
import type { DifySettings } from '../../chat/settings';
import type { AnswerQueue } from '../dify/answer-queue';
import { createAskInTurn, createQueue } from '../dify/ask-in-turn';
import { askStreamed, type ReplyOptions } from '../dify/ask-streamed';
import { fromDifyError } from '../dify/errors';
import { openFile } from '../dify/files';
import { takesFiles, type DifyErrorBody } from '../dify/schema';
import { requireOk } from '../dify/short-reply';
import type { Call, CallTarget } from '../http/call';
import { maskSecrets } from '../http/mask-secrets';
import { unlessLeft } from '../http/unless-left';
import { findAppProblem } from './app-check';
import { cacheApps, parseApp, toModelConfig } from './app-config';
import {
  deleteConversation,
  findLostAnswer,
  getApp,
  listMessages,
  pathOf,
  rate,
  stop,
  suggestQuestions,
  upload,
} from './calls';
import { createSession, LoginExpiredError, type AccountSettings } from './session';

export interface ConsoleSettings
  extends
    AccountSettings,
    Pick<DifySettings, 'maxFrameChars' | 'answersAtOnce' | 'queueMs' | 'spaceQuestions'> {}

export interface ConsoleOptions {
  readonly settings: ConsoleSettings;
  readonly logins: LoginAttempts;
  /** See `DifyClientOptions`. */
  readonly fileHosts?: readonly string[];
  readonly warn: (message: string) => void;
  /** A queue that is shared with the Service API of the same Dify. Default: one for this account only. */
  readonly queue?: AnswerQueue | undefined;
}

/** Dify's console API, with which Dify's own pages try an app. All apps share one login and one queue. */
export interface DifyConsole {
  /** Returns the upstream that asks this app. Operators and editors choose the id, never end users. */
  app(appId: string): Upstream;
}

export function createDifyConsole({
  settings,
  logins,
  fileHosts = [],
  warn,
  ...options
}: ConsoleOptions): DifyConsole {
  const { consoleUrl: apiUrl, maxFrameChars, answersAtOnce, queueMs, spaceQuestions } = settings;
  const session = createSession(settings, logins);
  const inTurn = { settings: { apiUrl, answersAtOnce, queueMs, spaceQuestions }, warn };
  const queue = options.queue ?? createQueue(inTurn);
  const links = { ...settings, root: apiUrl.replace(/\/console\/api$/u, ''), fileHosts };
  const readApp = cacheApps(async (appId) => parseApp(requireOk(await getApp({ session, appId }))));

  return {
    app(appId) {
      const access = { session, appId };
      const { ask, waiting } = createAskInTurn<PreparedQuestion>({
        ...inTurn,
        queue,
        ask: (question, take) => postQuestion(appId, question, { maxFrameChars, warn }, take),
      });
      return {
        waiting,
        // A question takes a place of the queue only with a login and the app. A console that hangs holds no place.
        async ask(question, take, leave) {
          const model_config = toModelConfig(await unlessLeft(readApp(appId), leave), question);
          await session.run((target) => ask({ ...question, model_config, target }, take, leave), leave);
        },
        savesAnswers: true,
        keepsConversations: true,
        hasBranches: true,
        files: {
          upload: (file) => upload(access, file),
          open: (file, signal) =>
            openFile(links, (_file, query) => listMessages(access, query), file, signal),
        },
        takesFiles: async () => takesFiles((await readApp(appId)).model_config),
        stop: (taskId) => stop(access, taskId),
        findProblem: ({ model } = {}) => findAppProblem(access, model),
        findLostAnswer: (lost, isKnown) => findLostAnswer(access, lost, isKnown),
        rate: (messageId, rating) => rate(access, messageId, rating),
        suggestQuestions: (messageId) => suggestQuestions(access, messageId),
        deleteConversation: (conversationId, _user, signal) =>
          deleteConversation(access, conversationId, signal),
      };
    },
  };
}

interface PreparedQuestion extends UpstreamQuestion {
  readonly model_config: Readonly<Record<string, unknown>>;
  readonly target: CallTarget;
}

function postQuestion(
  appId: string,
  { target, ...question }: PreparedQuestion,
  options: ReplyOptions,
  take: TakeEvents,
): Promise<void> {
  const path = `${pathOf(appId)}/chat-messages`;
  const post = (call: Call) => call.post(path, toBody(question), 'text/event-stream');
  return askStreamed({ ...options, target, post, toRefusal }, take);
}

function toBody(question: Omit<PreparedQuestion, 'target'>): Record<string, unknown> {
  const { query, inputs, conversationId, parentMessageId, model_config, files = [] } = question;
  return {
    response_mode: 'streaming',
    conversation_id: conversationId ?? '',
    files,
    query,
    inputs,
    model_config,
    // Without a parent, Dify answers without the history of the conversation.
    parent_message_id: parentMessageId,
    retriever_from: 'dev',
    auto_generate_name: false,
  };
}

/** Converts a refused question. Dify refuses a login that has expired, and a model that it does not have. */
function toRefusal(status: number, error: DifyErrorBody): ChatError {
  if (status === 401) return new LoginExpiredError(error);
  const { code, message = '' } = error;
  if (code !== 'invalid_param' || !/^model[. ]/u.test(message)) return fromDifyError(status, error);
  return new ChatError('upstream-misconfigured', {
    cause: {
      upstreamStatus: status,
      upstreamCode: code,
      upstreamMessage: maskSecrets(message),
      remedy: 'Dify does not have this model. Choose a provider and a model that Dify offers.',
    },
  });
}
