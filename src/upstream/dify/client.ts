import type { Upstream, UpstreamQuestion } from '../../chat/ports/upstream';
import type { DifySettings } from '../../chat/settings';
import { cacheOne } from '../http/cache-one';
import type { Call, Response } from '../http/call';
import type { AnswerQueue } from './answer-queue';
import { findAppProblem, readInputForm, readTakesFiles } from './app-check';
import { createAskInTurn } from './ask-in-turn';
import { askStreamed } from './ask-streamed';
import { fromDifyError } from './errors';
import { openFile } from './files';
import { findLostAnswer } from './find-answer';
import { createPromptLimit } from './prompt-limit';
import { fromRefusedInput } from './refused-input';
import { deleteConversation, getJson, rate, stop, suggestQuestions, upload } from './short-calls';

export interface DifyClientOptions {
  readonly settings: DifySettings;
  /** Other hosts than Dify's from which the server may fetch the files of answers. Default: none. */
  readonly fileHosts?: readonly string[];
  readonly warn: (message: string) => void;
  /** A queue that several apps of one Dify share. Default: one for this app only. */
  readonly queue?: AnswerQueue;
}

export function createDifyClient({ settings, fileHosts = [], warn, queue }: DifyClientOptions): Upstream {
  const { promptInput, maxFrameChars } = settings;
  const get = getJson(settings);
  const promptLimit = createPromptLimit(promptInput, () => readInputForm(settings));
  const links = { ...settings, root: settings.apiUrl.replace(/\/v1$/u, ''), fileHosts };
  return {
    ...createAskInTurn({
      settings,
      warn,
      queue,
      ask: (question, take) =>
        askStreamed(
          {
            target: settings,
            maxFrameChars,
            warn,
            post: (call) => postQuestion(settings, question, call),
            toRefusal: (status, error) =>
              fromRefusedInput(status, error, { ...question, promptInput }) ?? fromDifyError(status, error),
          },
          take,
        ),
    }),
    savesAnswers: true,
    keepsConversations: true,
    hasBranches: false,
    files: {
      upload: (file, user) => upload(settings, file, user),
      open: (file, signal) =>
        openFile(links, ({ user }, query) => get('/messages', { ...query, user }), file, signal),
    },
    takesFiles: cacheOne(() => readTakesFiles(settings)),
    stop: (taskId, user) => stop(settings, taskId, user),
    findProblem: ({ promptChars } = {}) => findAppProblem(settings, promptChars, promptLimit.note),
    promptLimit,
    findLostAnswer: (lost, isKnown) => findLostAnswer(get, lost, isKnown),
    rate: (messageId, rating) => rate(settings, messageId, rating),
    suggestQuestions: (messageId, user) => suggestQuestions(settings, messageId, user),
    deleteConversation: (conversationId, user, signal) =>
      deleteConversation(settings, { conversationId, user, signal }),
  };
}

function postQuestion(
  { promptInput }: DifySettings,
  { query, inputs, characterInputs, prompt, user, conversationId, files }: UpstreamQuestion,
  call: Call,
): Promise<Response> {
  const body = {
    query,
    inputs: { ...characterInputs, ...inputs, [promptInput]: prompt },
    user,
    response_mode: 'streaming',
    conversation_id: conversationId ?? '',
    ...(files !== undefined && files.length > 0 && { files }),
    // Sessions have their own titles. Dify would run a model for one, and some versions keep the reply open for it.
    auto_generate_name: false,
  };
  return call.post('/chat-messages', body, 'text/event-stream');
}
