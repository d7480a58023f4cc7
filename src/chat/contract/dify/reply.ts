import { z } from 'zod';

import { isChatErrorCode, chatErrors } from '../../errors';
import type { Character } from '../../model/character';
import { ratings, type Message } from '../../model/message';
import type { Owner } from '../../model/owner';
import type { SessionEntry } from '../../model/session';
import { toAnswerFileReply, type FileLinks } from '../file/link';
import { seconds, type Reply } from '../reply';
import { difyMetadata, toMetadata } from './event';

/*
 * Replies in the shapes of Dify 1.12. A field that has no meaning here has Dify's empty value.
 */

/** Dify's value for the parent of a message that came by its Service API. */
const noParent = '00000000-0000-0000-0000-000000000000';

/** An object and a list in which this server has nothing to say. */
const emptyObject = z.strictObject({});
const emptyList = z.array(z.never());

/** A list in the shape of Dify. */
export const difyList = <Item extends z.ZodType>(item: Item) =>
  z.object({ limit: z.int(), has_more: z.boolean(), data: z.array(item) });

export interface DifyList<T> {
  readonly limit: number;
  readonly has_more: boolean;
  readonly data: readonly T[];
}

/** The whole reply to some requests that only change something. */
export const difySuccess = z.object({ result: z.literal('success') });
export const difySuggestions = difySuccess.extend({ data: z.array(z.string()) });

export function toDifyList<T>(limit: number, hasMore: boolean, data: readonly T[]): DifyList<T> {
  return { limit, has_more: hasMore, data };
}

/** Returns the id of a session for a client of Dify. Every route understands both ids. */
export function toDifyConversationId({
  conversationId,
  sessionId,
}: Pick<SessionEntry, 'conversationId' | 'sessionId'>): string {
  return conversationId ?? sessionId;
}

/** `GET /v1/conversations`, `POST /v1/conversations/:id/name`. */
export const difyConversation = z
  .object({
    id: z.string(),
    name: z.string(),
    inputs: emptyObject,
    status: z.literal('normal'),
    introduction: z.string(),
    created_at: seconds,
    updated_at: seconds,
  })
  .meta({ id: 'DifyConversation' });

export function toDifyConversation(
  session: SessionEntry,
  { openingStatement }: Character,
): Reply<typeof difyConversation> {
  return {
    id: toDifyConversationId(session),
    name: session.title,
    inputs: {},
    status: 'normal',
    introduction: openingStatement ?? '',
    created_at: toSeconds(session.createdAt),
    updated_at: toSeconds(session.lastMessageAt),
  };
}

export interface MessageContext {
  readonly owner: Owner;
  readonly session: SessionEntry;
  readonly links: FileLinks;
}

const messageFile = z
  .object({
    id: z.string(),
    filename: z.literal(''),
    mime_type: z.null(),
    size: z.null(),
    upload_file_id: z.null(),
    type: z.string(),
    url: z.string(),
    transfer_method: z.literal('tool_file'),
    belongs_to: z.literal('assistant'),
  })
  .meta({ id: 'DifyMessageFile' });

const messageFields = z.object({
  id: z.string(),
  conversation_id: z.string(),
  inputs: emptyObject,
  query: z.string(),
  answer: z.string(),
  created_at: seconds,
  agent_thoughts: emptyList,
  message_files: z.array(messageFile),
  status: z.enum(['normal', 'error']),
  error: z.string().nullable(),
});

/** `GET /v1/messages`: a turn, from its answer line. */
export const difyMessage = messageFields
  .extend({
    parent_message_id: z.string(),
    feedback: z.object({ rating: z.enum(ratings) }).nullable(),
    retriever_resources: emptyList,
  })
  .meta({ id: 'DifyMessage' });

export function toDifyMessage(answer: Message, context: MessageContext): Reply<typeof difyMessage> {
  const { session } = context;
  return {
    id: answer.messageId,
    conversation_id: toDifyConversationId(session),
    parent_message_id: noParent,
    inputs: {},
    query: answer.query,
    answer: answer.answer ?? '',
    feedback: answer.feedback === null ? null : { rating: answer.feedback },
    retriever_resources: [],
    created_at: toSeconds(answer.createdAt),
    agent_thoughts: [],
    message_files: toFiles(answer, context),
    ...toStatus(answer),
  };
}

export interface ConsoleContext extends MessageContext {
  /** The prompt of the character; null if it is not exposed. */
  readonly prompt: string | null;
  /** The answer before this one, or null. */
  readonly parent: Message | null;
}

const usageValue = z.union([z.string(), z.number(), z.null()]).optional();

/** `GET /console/api/apps/:app_id/chat-messages`: a turn, from its answer line. */
export const difyConsoleMessage = messageFields
  .extend({
    message: z.array(z.object({ role: z.enum(['system', 'user']), text: z.string(), files: emptyList })),
    message_tokens: usageValue,
    answer_tokens: usageValue,
    provider_response_latency: usageValue,
    from_source: z.literal('console'),
    from_end_user_id: z.null(),
    from_account_id: z.string(),
    feedbacks: z.array(
      z.object({
        rating: z.enum(ratings),
        content: z.null(),
        from_source: z.literal('user'),
        from_end_user_id: z.null(),
        from_account: z.null(),
      }),
    ),
    workflow_run_id: z.null(),
    annotation: z.null(),
    annotation_hit_history: z.null(),
    metadata: difyMetadata,
    parent_message_id: z.string().nullable(),
  })
  .meta({ id: 'DifyConsoleMessage' });

export function toDifyConsoleMessage(
  answer: Message,
  context: ConsoleContext,
): Reply<typeof difyConsoleMessage> {
  const { owner, session, prompt, parent } = context;
  const { usage } = toMetadata(answer.usage);
  const asked = { role: 'user', text: answer.query, files: [] } as const;
  return {
    id: answer.messageId,
    conversation_id: toDifyConversationId(session),
    inputs: {},
    query: answer.query,
    message: prompt === null ? [asked] : [{ role: 'system', text: prompt, files: [] }, asked],
    message_tokens: usage['prompt_tokens'],
    answer: answer.answer ?? '',
    answer_tokens: usage['completion_tokens'],
    provider_response_latency: usage['latency'],
    from_source: 'console',
    from_end_user_id: null,
    from_account_id: owner.documentId,
    feedbacks:
      answer.feedback === null
        ? []
        : [
            {
              rating: answer.feedback,
              content: null,
              from_source: 'user',
              from_end_user_id: null,
              from_account: null,
            },
          ],
    workflow_run_id: null,
    annotation: null,
    annotation_hit_history: null,
    created_at: toSeconds(answer.createdAt),
    agent_thoughts: [],
    message_files: toFiles(answer, context),
    metadata: toMetadata(answer.usage),
    ...toStatus(answer),
    parent_message_id: parent?.messageId ?? null,
  };
}

const switchedOff = z.object({ enabled: z.literal(false) });

/** `GET /v1/parameters`. The character has its prompt already, so the form is empty. */
export const difyParameters = z
  .object({
    opening_statement: z.string(),
    suggested_questions: z.array(z.string()),
    suggested_questions_after_answer: z.object({ enabled: z.literal(true) }),
    speech_to_text: switchedOff,
    text_to_speech: switchedOff.extend({ voice: z.literal(''), language: z.literal('') }),
    retriever_resource: switchedOff,
    annotation_reply: switchedOff,
    more_like_this: switchedOff,
    user_input_form: emptyList,
    sensitive_word_avoidance: switchedOff.extend({ type: z.literal(''), configs: emptyList }),
    file_upload: z.object({
      image: z.object({
        enabled: z.boolean().describe('Whether the character takes files with a question.'),
        number_limits: z.int().describe('Files of one question.'),
        detail: z.literal('high'),
        transfer_methods: z.array(z.enum(['remote_url', 'local_file'])),
      }),
    }),
    system_parameters: z.object({
      image_file_size_limit: z.int(),
      video_file_size_limit: z.int(),
      audio_file_size_limit: z.int(),
      file_size_limit: z.int(),
      workflow_file_upload_limit: z.int(),
    }),
  })
  .meta({ id: 'DifyParameters' });

export function toDifyParameters(
  { openingStatement, suggestedQuestions }: Character,
  files: { readonly takesFiles: boolean; readonly maxFiles: number },
): Reply<typeof difyParameters> {
  return {
    opening_statement: openingStatement ?? '',
    suggested_questions: toTexts(suggestedQuestions),
    suggested_questions_after_answer: { enabled: true },
    speech_to_text: { enabled: false },
    text_to_speech: { enabled: false, voice: '', language: '' },
    retriever_resource: { enabled: false },
    annotation_reply: { enabled: false },
    more_like_this: { enabled: false },
    user_input_form: [],
    sensitive_word_avoidance: { enabled: false, type: '', configs: [] },
    file_upload: {
      image: {
        enabled: files.takesFiles,
        number_limits: files.maxFiles,
        detail: 'high',
        transfer_methods: ['remote_url', 'local_file'],
      },
    },
    system_parameters: {
      image_file_size_limit: 10,
      video_file_size_limit: 100,
      audio_file_size_limit: 50,
      file_size_limit: 15,
      workflow_file_upload_limit: 10,
    },
  };
}

/** `GET /v1/info`. */
export const difyInfo = z
  .object({
    name: z.string(),
    description: z.string(),
    tags: emptyList,
    mode: z.literal('chat'),
    author_name: z.literal(''),
  })
  .meta({ id: 'DifyInfo' });

export function toDifyInfo({ name, introduce }: Character): Reply<typeof difyInfo> {
  return { name: name ?? '', description: introduce ?? '', tags: [], mode: 'chat', author_name: '' };
}

/** `GET /v1/meta`. */
export const difyMeta = z.object({ tool_icons: emptyObject });

export function toDifyMeta(): Reply<typeof difyMeta> {
  return { tool_icons: {} };
}

/** `GET /v1/site`. */
export const difySite = z
  .object({
    title: z.string(),
    chat_color_theme: z.null(),
    chat_color_theme_inverted: z.literal(false),
    icon_type: z.literal('emoji'),
    icon: z.string(),
    icon_background: z.string(),
    description: z.string().nullable(),
    copyright: z.null(),
    privacy_policy: z.null(),
    custom_disclaimer: z.literal(''),
    default_language: z.string(),
    show_workflow_steps: z.literal(true),
    use_icon_as_answer_icon: z.literal(false),
    icon_url: z.null(),
  })
  .meta({ id: 'DifySite' });

export function toDifySite({ name, introduce }: Character): Reply<typeof difySite> {
  return {
    title: name ?? '',
    chat_color_theme: null,
    chat_color_theme_inverted: false,
    icon_type: 'emoji',
    icon: '🤖',
    icon_background: '#FFEAD5',
    description: introduce,
    copyright: null,
    privacy_policy: null,
    custom_disclaimer: '',
    default_language: 'en-US',
    show_workflow_steps: true,
    use_icon_as_answer_icon: false,
    icon_url: null,
  };
}

/** Files of the answer. The server does not know the name, the size and the media type of one. */
function toFiles(answer: Message, context: MessageContext): readonly Reply<typeof messageFile>[] {
  return answer.answerFiles.map((file) => {
    const { id, type, url, belongs_to } = toAnswerFileReply(file, answer, context);
    const unknown = { filename: '', mime_type: null, size: null, upload_file_id: null } as const;
    return { id, ...unknown, type, url, transfer_method: 'tool_file', belongs_to };
  });
}

/** Dify knows no state of a running answer: it is `normal`. */
function toStatus({ outcome, errorCode }: Message): Pick<Reply<typeof messageFields>, 'status' | 'error'> {
  if (outcome !== 'failed' && outcome !== 'interrupted') return { status: 'normal', error: null };
  const code = isChatErrorCode(errorCode) ? errorCode : 'internal';
  return { status: 'error', error: chatErrors[code].sentence };
}

function toTexts(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((text) => typeof text === 'string') : [];
}

const toSeconds = (date: Date): number => Math.floor(date.getTime() / 1000);
