import { isChatErrorCode, chatErrors } from '../../errors';
import type { Character } from '../../model/character';
import type { Message } from '../../model/message';
import type { Owner } from '../../model/owner';
import type { SessionEntry } from '../../model/session';
import { toAnswerFileReply, type FileLinks } from '../file/link';
import { toMetadata } from './event';

/*
 * Replies in the shapes of Dify 1.12. A field that has no meaning here has Dify's empty value.
 */

/** Dify's value for the parent of a message that came by its Service API. */
const noParent = '00000000-0000-0000-0000-000000000000';

/** A list in the shape of Dify. */
export interface DifyList<T> {
  readonly limit: number;
  readonly has_more: boolean;
  readonly data: readonly T[];
}

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
export function toDifyConversation(session: SessionEntry, { openingStatement }: Character) {
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

/** `GET /v1/messages`: a turn, from its answer line. */
export function toDifyMessage(answer: Message, context: MessageContext) {
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

/** `GET /console/api/apps/:app_id/chat-messages`: a turn, from its answer line. */
export function toDifyConsoleMessage(answer: Message, context: ConsoleContext) {
  const { owner, session, prompt, parent } = context;
  const { usage } = toMetadata(answer.usage);
  const asked = { role: 'user', text: answer.query, files: [] };
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

/** `GET /v1/parameters`. The character has its prompt already, so the form is empty. */
export function toDifyParameters({ openingStatement, suggestedQuestions }: Character) {
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
        enabled: false,
        number_limits: 3,
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
export function toDifyInfo({ name, introduce }: Character) {
  return { name: name ?? '', description: introduce ?? '', tags: [], mode: 'chat', author_name: '' };
}

/** `GET /v1/meta`. */
export function toDifyMeta() {
  return { tool_icons: {} };
}

/** `GET /v1/site`. */
export function toDifySite({ name, introduce }: Character) {
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
function toFiles(answer: Message, context: MessageContext) {
  return answer.answerFiles.map((file) => {
    const { id, type, url, belongs_to } = toAnswerFileReply(file, answer, context);
    const unknown = { filename: '', mime_type: null, size: null, upload_file_id: null };
    return { id, ...unknown, type, url, transfer_method: 'tool_file', belongs_to };
  });
}

/** Dify knows no state of a running answer: it is `normal`. */
function toStatus({ outcome, errorCode }: Message) {
  if (outcome !== 'failed' && outcome !== 'interrupted') return { status: 'normal', error: null };
  const code = isChatErrorCode(errorCode) ? errorCode : 'internal';
  return { status: 'error', error: chatErrors[code].sentence };
}

function toTexts(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((text) => typeof text === 'string') : [];
}

const toSeconds = (date: Date): number => Math.floor(date.getTime() / 1000);
