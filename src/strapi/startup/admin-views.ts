import { characterUid } from '../../database/characters/uid';

/** The name of one field in the admin panel: its label, and a description below the input. */
export type Label = readonly [label: string, description?: string];

export interface View {
  readonly uid: string;
  readonly mainField: string;
  readonly sortBy: string;
  readonly sortOrder: 'ASC' | 'DESC';
  readonly labels: Readonly<Record<string, Label>>;
  readonly list: readonly string[];
  /** Rows of the edit form. Each field has a width, and a row has a width of twelve. */
  readonly edit: readonly (readonly (readonly [name: string, size: number])[])[];
  readonly isReadOnly: boolean;
}

/** Error sentences name fields by these labels, too. */
export const characterLabels = {
  name: ['Name', 'What users see.'],
  avatar: ['Avatar', 'A square picture.'],
  prompt: [
    'Prompt',
    'Who the character is and how it speaks. Sent with every question. A character without one cannot answer.',
  ],
  introduce: ['Introduction', 'Shown to users before they begin to chat.'],
  opening_statement: ['Opening line', 'What the character says first.'],
  suggested_questions: ['Suggested questions', 'Questions that users can choose at the beginning of a chat.'],
  order: ['Order', 'Lists show smaller numbers first.'],
  enabled: [
    'Enabled',
    'Off: users cannot find the character or ask it. Their earlier conversations stay readable. Publish to apply it.',
  ],
  upstream: [
    'Answered by',
    "dify: an app of Dify, by its API key. dify-console: an app of Dify with this character's own prompt and model. " +
      'openai: a server with the API of OpenAI. Empty: what the settings of this server say.',
  ],
  upstream_app_id: [
    'App id',
    'The part after /app/ in the address of the app in Dify. For dify-console it chooses the app. Empty: the app of ' +
      'the settings. For dify it names the app: keep it when you replace the key, so that conversations go on.',
  ],
  upstream_key: [
    'API key',
    'For dify: from the page "API access" of the app in Dify. For openai: from the operator of that server. Empty: ' +
      'the key of the settings. A saved key shows as ********. Replace that text to change the key. Empty the ' +
      'field to remove it.',
  ],
  model_provider: [
    'Model provider',
    'For dify-console: the provider of the model, as Dify names it, e.g. openai or langgenius/openai/openai. ' +
      'Empty: the provider of the app.',
  ],
  model: [
    'Model',
    'For dify-console and openai: the name of the model, e.g. gpt-4o-mini. Empty: the model of the app or of the ' +
      'settings. For dify, the app itself has the model.',
  ],
  model_parameters: [
    'Model parameters',
    'For dify-console and openai: a JSON object, e.g. {"temperature": 0.5, "max_tokens": 800}. Empty: those of the ' +
      'app or of the model.',
  ],
  inputs: [
    'Inputs',
    'For dify: values for the other variables of the app, as a JSON object, e.g. {"style": "short"}. Values that ' +
      "come with a question replace them. The character's prompt replaces a value for the prompt variable.",
  ],
} satisfies Readonly<Record<string, Label>>;

const characterView: View = {
  uid: characterUid,
  mainField: 'name',
  sortBy: 'name',
  sortOrder: 'ASC',
  isReadOnly: false,
  labels: characterLabels,
  list: ['id', 'name', 'introduce', 'enabled', 'order', 'updatedAt'],
  edit: [
    [
      ['name', 6],
      ['avatar', 6],
    ],
    [['prompt', 12]],
    [['introduce', 12]],
    [['opening_statement', 12]],
    [['suggested_questions', 12]],
    [
      ['enabled', 6],
      ['order', 6],
    ],
    [
      ['upstream', 6],
      ['upstream_app_id', 6],
    ],
    [['upstream_key', 12]],
    [
      ['model_provider', 6],
      ['model', 6],
    ],
    [['model_parameters', 12]],
    [['inputs', 12]],
  ],
};

const sessionView: View = {
  uid: 'api::chat-session.chat-session',
  mainField: 'title',
  sortBy: 'last_message_at',
  sortOrder: 'DESC',
  isReadOnly: true,
  labels: {
    title: ['Title', 'Taken from the first question.'],
    session_id: ['Session id'],
    user: ['User'],
    ai_character: ['AI character'],
    conversation_id: ['Conversation of the upstream'],
    upstream: ['Upstream', 'Who has this conversation. Empty: Dify.'],
    other_threads: ['Other conversations', 'Those that earlier upstreams have of this session.'],
    message_count: ['Messages'],
    last_message_at: ['Last message'],
    is_deleted: ['Deleted by the user'],
    deleted_at: ['Deleted at'],
    live_turn_id: ['Turn being answered', 'Empty unless an answer is on its way.'],
  },
  list: ['title', 'user', 'ai_character', 'message_count', 'last_message_at'],
  edit: [
    [
      ['title', 6],
      ['session_id', 6],
    ],
    [
      ['user', 6],
      ['ai_character', 6],
    ],
    [
      ['message_count', 4],
      ['last_message_at', 4],
      ['is_deleted', 4],
    ],
    [
      ['conversation_id', 6],
      ['live_turn_id', 6],
    ],
  ],
};

const messageView: View = {
  uid: 'api::chat-conversation.chat-conversation',
  mainField: 'query',
  sortBy: 'createdAt',
  sortOrder: 'DESC',
  isReadOnly: true,
  labels: {
    message_id: ['Message id'],
    role: ['Role', 'Who says this line.'],
    query: ['Question'],
    answer: ['Answer', 'Stands in the line of role assistant.'],
    session: ['Session'],
    user: ['User'],
    ai_character: ['AI character'],
    conversation_id: ['Conversation of the upstream'],
    upstream: ['Upstream', 'Who has answered. Empty: Dify.'],
    upstream_parent_id: ['Parent in the upstream', 'The message there that the question continues.'],
    model: ['Model', 'The model that has answered, if it is known.'],
    character_version: ['Version of the character', 'The published version that has answered.'],
    first_token_ms: [
      'Time to the first text',
      'Milliseconds from the question to the first text of the answer.',
    ],
    thread_restarted: [
      'Conversation begun anew',
      'The upstream did not know the earlier messages of the session.',
    ],
    files: ['Files', 'Those of the question, or those of the answer.'],
    turn_id: ['Turn', 'A question and its answer share one.'],
    outcome: ['Outcome', 'How the answer ended.'],
    error_code: ['Error code'],
    error_detail: ['Error of the upstream', 'What the upstream said about the error. Users do not see it.'],
    task_id: ['Task of the upstream'],
    stop_requested: ['Stop asked for'],
    idempotency_key: ['Idempotency key'],
    request_fingerprint: ['Request fingerprint'],
    message_status: ['Status'],
    feedback: ['Feedback'],
    parent_message_id: ['Answers'],
    usage: ['Usage', 'Tokens and price, as the upstream reports them.'],
    tool_calls: ['Tool calls'],
    is_deleted: ['Deleted by the user'],
    deleted_at: ['Deleted at'],
    is_superseded: ['Superseded', 'The question before it was edited since.'],
    last_event_id: ['Last event', 'The number of its last event, for clients that resume.'],
    held_by: ['Held by', 'Of an answer on its way: the process, by the name of its lock.'],
    alive_at: ['Alive at', 'Of an answer on its way: when its process last said so.'],
    takeovers: ['Takeovers', 'How often another process has taken this answer over.'],
    ended_at: ['Ended at', 'Of an answer: when it came to its end.'],
    history_due: ['Due for the history', 'Empty once the history has this answer.'],
    history_store: ['History', 'Which history has this answer.'],
  },
  list: ['query', 'role', 'user', 'ai_character', 'outcome', 'createdAt'],
  edit: [
    [['query', 12]],
    [['answer', 12]],
    [
      ['user', 4],
      ['ai_character', 4],
      ['session', 4],
    ],
    [
      ['role', 4],
      ['outcome', 4],
      ['error_code', 4],
    ],
    [['error_detail', 12]],
    [
      ['message_status', 4],
      ['feedback', 4],
      ['is_deleted', 4],
    ],
    [
      ['message_id', 6],
      ['parent_message_id', 6],
    ],
    [
      ['conversation_id', 6],
      ['turn_id', 6],
    ],
    [
      ['usage', 6],
      ['tool_calls', 6],
    ],
  ],
};

export const views: readonly View[] = [characterView, sessionView, messageView];

/**
 * Increase it when the views above change. The server applies each version once, so that the changes of editors stay.
 */
export const viewsVersion = 8;
