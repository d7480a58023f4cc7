import { randomBytes, randomUUID } from 'node:crypto';
import type { App, Inputs } from './apps';
import type { Usage } from './usage';

/** Times are in seconds since 1970, as in Dify. */
export type Conversation = {
  readonly id: string;
  readonly appKey: string;
  readonly endUser: EndUser;
  readonly inputs: Inputs;
  readonly createdAt: number;
  name: string;
  updatedAt: number;
  deleted: boolean;
};

export type Message = {
  readonly id: string;
  readonly conversationId: string;
  readonly query: string;
  readonly inputs: Inputs;
  readonly createdAt: number;
  /** Empty until the reply is complete, and stays empty if the reply never completes. */
  answer: string;
  status: 'normal' | 'error';
  error: string | null;
  feedback: 'like' | 'dislike' | null;
  usage: Usage | null;
  thoughts: readonly Thought[];
  files: readonly MessageFile[];
  /** Set for a question of the console. */
  readonly console?: ConsoleDetails;
};

/** A file that a user has uploaded, or that an app has made. Dify's users are all in one tenant. */
export type StoredFile = {
  readonly id: string;
  readonly name: string;
  readonly extension: string;
  readonly mimeType: string;
  readonly bytes: Buffer;
  /** The id of the end user or of the account. */
  readonly createdBy: string;
  readonly createdAt: number;
  readonly isOfTool: boolean;
};

/** A file in a question or in an answer. */
export type MessageFile = {
  readonly id: string;
  readonly type: string;
  readonly belongsTo: 'user' | 'assistant';
  readonly file: StoredFile;
  /** Set for a file that a question names by its address. */
  readonly url?: string;
};

export type ConsoleDetails = {
  readonly prompt: string;
  readonly parentId: string | null;
  /** The messages that the model got before this question, oldest first. */
  readonly earlier: readonly Message[];
  /** Whether the configuration of the question suggests further questions. */
  readonly suggests: boolean;
};

export type Thought = {
  readonly id: string;
  readonly position: number;
  readonly thought: string;
  readonly tool: string;
  readonly tool_labels: Readonly<Record<string, unknown>>;
  readonly tool_input: string;
  readonly observation: string;
};

/** Dify has users per app: the same name in another app is another user. */
export type EndUser = { readonly id: string; readonly appKey: string; readonly name: string };

/** A reply in progress, which a stop call can end. */
export type Task = { readonly id: string; readonly endUser: EndUser; readonly stop: () => void };

export type State = {
  readonly apps: ReadonlyMap<string, App>;
  readonly endUsers: Map<string, EndUser>;
  readonly conversations: Map<string, Conversation>;
  /** In order of arrival. */
  readonly messages: Map<string, Message>;
  readonly tasks: Map<string, Task>;
  readonly files: Map<string, StoredFile>;
  /** Signs the links to files. */
  readonly fileSecret: Buffer;
  readonly tenantId: string;
  /** Number of replies in progress, by app key. */
  readonly active: Map<string, number>;
};

export function createState(apps: readonly App[]): State {
  return {
    apps: new Map(apps.map((app) => [app.key, app])),
    endUsers: new Map(),
    conversations: new Map(),
    messages: new Map(),
    tasks: new Map(),
    files: new Map(),
    fileSecret: randomBytes(32),
    tenantId: randomUUID(),
    active: new Map(),
  };
}

export function endUserOf(state: State, app: App, name: string): EndUser {
  const key = `${app.key} ${name}`;
  const endUser = state.endUsers.get(key) ?? { id: randomUUID(), appKey: app.key, name };
  state.endUsers.set(key, endUser);
  return endUser;
}

/** Returns undefined for a conversation that is deleted, or that belongs to another user or app. */
export function findConversation(state: State, endUser: EndUser, id: string): Conversation | undefined {
  const conversation = state.conversations.get(id);
  return conversation?.endUser === endUser && !conversation.deleted ? conversation : undefined;
}

export function messagesOf(state: State, conversationId: string): Message[] {
  return [...state.messages.values()].filter((message) => message.conversationId === conversationId);
}

export function insertConversation(state: State, endUser: EndUser, inputs: Inputs): Conversation {
  const now = epochSeconds();
  const conversation: Conversation = {
    id: randomUUID(),
    appKey: endUser.appKey,
    endUser,
    inputs,
    createdAt: now,
    name: 'New conversation',
    updatedAt: now,
    deleted: false,
  };
  state.conversations.set(conversation.id, conversation);
  return conversation;
}

export function insertMessage(
  state: State,
  conversation: Conversation,
  asked: Pick<Message, 'query' | 'inputs' | 'console' | 'files'>,
): Message {
  const message: Message = {
    id: randomUUID(),
    conversationId: conversation.id,
    ...asked,
    createdAt: epochSeconds(),
    answer: '',
    status: 'normal',
    error: null,
    feedback: null,
    usage: null,
    thoughts: [],
  };
  state.messages.set(message.id, message);
  conversation.updatedAt = message.createdAt;
  return message;
}

export function epochSeconds(): number {
  return Math.floor(Date.now() / 1000);
}
