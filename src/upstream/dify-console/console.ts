import { ChatError } from '../../chat/errors';
import type { TakeEvents, Upstream, UpstreamQuestion } from '../../chat/ports/upstream';
import type { DifySettings } from '../../chat/settings';
import type { AnswerQueue } from '../dify/answer-queue';
import { createAskInTurn, createQueue } from '../dify/ask-in-turn';
import { askStreamed } from '../dify/ask-streamed';
import { fromDifyError } from '../dify/errors';
import { openFile } from '../dify/files';
import type { DifyErrorBody } from '../dify/schema';
import { requireOk } from '../dify/short-reply';
import { maskSecrets } from '../http/mask-secrets';
import { findAppProblem } from './app-check';
import { cacheApps, parseApp, toModelConfig, type ConsoleApp } from './app-config';
import {
  deleteConversation,
  findLostAnswer,
  findNewestMessage,
  getApp,
  listMessages,
  pathOf,
  rate,
  stop,
  suggestQuestions,
  upload,
  type AppAccess,
} from './calls';
import { createSession, LoginExpiredError, type AccountSettings } from './session';

export interface ConsoleSettings
  extends
    AccountSettings,
    Pick<DifySettings, 'maxFrameChars' | 'answersAtOnce' | 'queueMs' | 'spaceQuestions'> {}

export interface ConsoleOptions {
  readonly settings: ConsoleSettings;
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
  fileHosts = [],
  warn,
  ...options
}: ConsoleOptions): DifyConsole {
  const { consoleUrl: apiUrl, maxFrameChars, answersAtOnce, queueMs, spaceQuestions } = settings;
  const session = createSession(settings);
  const inTurn = { settings: { apiUrl, answersAtOnce, queueMs, spaceQuestions }, warn };
  const queue = options.queue ?? createQueue(inTurn);
  const links = { ...settings, root: apiUrl.replace(/\/console\/api$/u, ''), fileHosts };
  const readApp = cacheApps(async (appId) => parseApp(requireOk(await getApp({ session, appId }))));

  return {
    app(appId) {
      const access = { session, appId };
      return {
        ...createAskInTurn({
          ...inTurn,
          queue,
          ask: async (question, take) => {
            const body = await toBody(access, question, await readApp(appId));
            await postQuestion(access, { body, maxFrameChars, warn }, take);
          },
        }),
        savesAnswers: true,
        keepsConversations: true,
        hasBranches: true,
        files: {
          upload: (file) => upload(access, file),
          open: (file, signal) =>
            openFile(links, (_file, query) => listMessages(access, query), file, signal),
        },
        stop: (taskId) => stop(access, taskId),
        findProblem: () => findAppProblem(access),
        findLostAnswer: (lost, isKnown) => findLostAnswer(access, lost, isKnown),
        rate: (messageId, rating) => rate(access, messageId, rating),
        suggestQuestions: (messageId) => suggestQuestions(access, messageId),
        deleteConversation: (conversationId, _user, signal) =>
          deleteConversation(access, conversationId, signal),
      };
    },
  };
}

async function toBody(
  access: AppAccess,
  question: UpstreamQuestion,
  app: ConsoleApp,
): Promise<Record<string, unknown>> {
  const { query, inputs, conversationId, files = [] } = question;
  return {
    response_mode: 'streaming',
    conversation_id: conversationId ?? '',
    files,
    query,
    inputs,
    model_config: toModelConfig(app, question),
    parent_message_id: await findParent(access, question),
    retriever_from: 'dev',
    auto_generate_name: false,
  };
}

/** Without a parent, Dify answers without the history of the conversation. */
async function findParent(access: AppAccess, question: UpstreamQuestion): Promise<string | null> {
  const { conversationId, parentMessageId } = question;
  if (parentMessageId !== undefined) return parentMessageId;
  return conversationId === null ? null : findNewestMessage(access, conversationId);
}

interface Posted {
  readonly body: Record<string, unknown>;
  readonly maxFrameChars: number;
  readonly warn: (message: string) => void;
}

function postQuestion({ session, appId }: AppAccess, posted: Posted, take: TakeEvents): Promise<void> {
  const { body, maxFrameChars, warn } = posted;
  const path = `${pathOf(appId)}/chat-messages`;
  return session.run((target) =>
    askStreamed(
      {
        target,
        maxFrameChars,
        warn,
        post: (call) => call.post(path, body, 'text/event-stream'),
        toRefusal,
      },
      take,
    ),
  );
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
