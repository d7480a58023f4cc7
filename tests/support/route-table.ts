import { readdirSync } from 'node:fs';
import path from 'node:path';

import { isServedWithoutApi } from '../../src/middlewares/paths-without-api';

/** The reply to an unknown id: the status, and its possible codes. Replies of Strapi itself have no code. */
export interface Refusal {
  readonly status: number;
  readonly codes: readonly string[];
}

/** The kind of thing that an id in a slot identifies. */
export interface Kind {
  /** Ids of the user that are valid there. When a test tries another slot, this slot has the first of them. */
  readonly takes: readonly string[];
  /** Returns the reply to every other id. */
  refusalOf(id: string): Refusal;
}

/** The place of an id in a request, e.g. `data.session_id` in a body or `filters[id]` in a query string. */
export interface Slot {
  readonly place: 'path' | 'query' | 'body';
  readonly name: string;
  readonly kind: Kind;
}

export interface Row {
  readonly slots: readonly Slot[];
  /** A valid body for the request, except for the id that a test tries. `$character` is a published character. */
  readonly body?: Readonly<Record<string, unknown>>;
  /** The route is documented without `/api`, and the server serves both paths. */
  readonly isAtRoot: boolean;
  /** Needs no token. */
  readonly isPublic: boolean;
}

const refuse = (status: number, ...codes: string[]): Refusal => ({ status, codes });
const missing = (code: string, ...takes: string[]): Kind => ({ takes, refusalOf: () => refuse(404, code) });
const tooLong = (max: number, { takes, refusalOf }: Kind): Kind => ({
  takes,
  refusalOf: (id) => (id.length > max ? refuse(400, 'invalid-request') : refusalOf(id)),
});

/** Wherever a request names a session, its own id and Dify's id have the same effect. */
const sessionIds = ["Ann's session_id", "Ann's conversation_id"];
const session = missing('session-not-found', ...sessionIds);
const deletedSession = missing('session-not-found', "Ann's deleted session_id");
const message = missing(
  'message-not-found',
  "Ann's message row",
  "Ann's message_id",
  "Ann's answer's row",
  "Ann's answer's message_id",
);
const deletedMessage = missing('message-not-found', "Ann's deleted message row", "Ann's deleted message_id");
/** A session in which the server looks for a message. */
const holder = missing('message-not-found', ...sessionIds);
const namedMessage = missing('message-not-found', "Ann's message_id", "Ann's answer's message_id");
export const turn = missing('turn-not-found', "Ann's turn_id");
const user: Kind = {
  takes: ["Ann's user row", "Ann's user documentId"],
  refusalOf: () => refuse(403, 'not-yourself'),
};
const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/iu;
const conversation: Kind = {
  takes: sessionIds,
  refusalOf: (id) => (uuid.test(id) ? refuse(404, 'session-not-found') : refuse(400, 'invalid-request')),
};
/** Matches ids of the history. Their last digits are the number of a row, which has at most 31 bits. */
const historyId = /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-8[0-9a-f]{3}-0{4}[0-7][0-9a-f]{7}$/iu;
/** A position in the user's own conversation. The server does not look up the message of this id. */
const historyPosition: Kind = {
  takes: [],
  refusalOf: (id) => (historyId.test(id) ? refuse(200) : refuse(400, 'invalid-request')),
};
const characterOfBody: Kind = {
  takes: ["Ada's documentId", "Ada's id"],
  refusalOf: () => refuse(400, 'character-not-found', 'invalid-request'),
};
const isCharacterId = (id: string) => /^(?!0$|-)[^.]{1,64}$/u.test(id.trim());
const modelOfBody: Kind = {
  takes: ["Ada's documentId", "Ada's id"],
  refusalOf: (id) => (isCharacterId(id) ? refuse(404, 'model_not_found') : refuse(400, 'invalid-request')),
};
/** The server refuses JSON, because a form must have a file. tests/app/files.test.ts tries the ids in forms. */
const characterOfUpload: Kind = { takes: [], refusalOf: () => refuse(400, 'invalid-request') };
const character: Kind = {
  takes: ["Ada's documentId", "Ada's id"],
  refusalOf: (id) => (id.includes('\0') ? refuse(400, 'invalid-request') : refuse(404)),
};
/** Users may not call the route, whatever the id is. */
const closed: Kind = { takes: [], refusalOf: () => refuse(403) };
/** The server refuses the request before it looks up the id. */
const plainSocket: Kind = { takes: [], refusalOf: () => refuse(426, 'upgrade-required') };
/** A valid filter by an unknown id finds nothing. Status 0 stands for 200 without data, or 400. */
const filter = (...takes: string[]): Kind => ({ takes, refusalOf: () => ({ status: 0, codes: [] }) });

const slotsOf =
  (place: Slot['place']) =>
  (kinds: Readonly<Record<string, Kind>>): Slot[] =>
    Object.entries(kinds).map(([name, kind]) => ({ place, name, kind }));
const query = slotsOf('query');
const body = slotsOf('body');

/** Selects sessions of a list. */
const characterOfSessions = filter("Ada's documentId", "Ada's id");

/** The history keeps conversations of deleted sessions. */
const recorded: Kind = {
  takes: [...sessionIds, "Ann's deleted session_id"],
  refusalOf: () => refuse(404, 'conversation-not-found'),
};

/** As in Dify, a missing thing is a success for a stop and for a deletion. */
const nothingToDo = (status: number, ...takes: string[]): Kind => ({
  takes,
  refusalOf: () => refuse(status),
});
const dify = {
  character_id: missing('app_not_found', "Ada's documentId", "Ada's id"),
  task_id: nothingToDo(200, "Ann's turn_id"),
  message_id: missing('not_found', "Ann's answer's message_id", "Ann's message_id"),
  conversation_id: missing('not_found', ...sessionIds),
};
const namedDifyConversation: Kind = {
  takes: sessionIds,
  refusalOf: (id) => (uuid.test(id) ? refuse(404, 'not_found') : refuse(400, 'invalid_param')),
};

/** The id in the path of a WebSocket upgrade, which no list of routes contains. */
export const upgradeSlot: Slot = { place: 'path', name: 'session_id', kind: session };

/** The kinds of path parameters, by a pattern of the route and their name. The first match counts. */
const kindsOfParams: readonly (readonly [route: RegExp, kinds: Readonly<Record<string, Kind>>])[] = [
  // Users may call only those stock routes that read characters.
  [/^(PUT|DELETE) /u, { id: closed }],
  [/ \/api\/ai-characters\//u, { id: character }],
  [/ \/api\/chat-(conversations|sessions)\/:id$/u, { id: closed }],
  [/ \/api\/chat-conversations\/messages\//u, { message_id: namedMessage }],
  [/ \/api\/chat\/sessions\/:session_id\/restore$/u, { session_id: deletedSession }],
  [/ \/api\/chat\/sessions\/:session_id\/messages\/:message_id$/u, { session_id: holder }],
  [/ \/api\/chat\/messages\/:message_id\/restore$/u, { message_id: deletedMessage }],
  [/ \/api\/v1\//u, { conversation_id: recorded }],
  [/ \/api\/ws\//u, { session_id: plainSocket }],
  [/ \/api\/docs\//u, { file: { takes: [], refusalOf: character.refusalOf } }],
  [/ \/api\/chat\/tokens\//u, { token_id: missing('token-not-found', "Ann's token_id") }],
  [/ \/api\/chat-conversations\/files\//u, { link: missing('file-not-found') }],
  [/^DELETE \/api\/dify\//u, { conversation_id: nothingToDo(204, ...sessionIds) }],
  [/ \/api\/(dify|console\/api)\//u, dify],
  [/^GET \/api\/ai-sdk\/chat\/:chat_id$/u, { chat_id: session }],
  [/ \/api\/ai-sdk\//u, { chat_id: nothingToDo(204, ...sessionIds) }],
  [/ \/api\/openai\//u, { model: missing('model_not_found', "Ada's documentId", "Ada's id") }],
  [
    /./u,
    { session_id: session, message_id: message, turn_id: turn, user_id: user, conversation_id: conversation },
  ],
];

function kindOf(route: string, param: string): Kind {
  const kind = kindsOfParams.find(([pattern, kinds]) => pattern.test(route) && kinds[param] !== undefined);
  if (kind === undefined)
    throw new Error(`Add :${param} of ${route} to kindsOfParams in tests/support/route-table.ts.`);
  return kind[1][param] as Kind;
}

/** The bodies of requests, and the ids outside their paths. */
const requests: Readonly<Record<string, { readonly slots?: readonly Slot[]; readonly body?: Row['body'] }>> =
  {
    'POST /api/chat-conversations/create-message': {
      slots: body({
        'data.session_id': tooLong(255, session),
        'data.conversation_id': tooLong(255, session),
        'data.character_id': characterOfBody,
      }),
      body: { data: { character_id: '$character', query: 'Whose is this?' } },
    },
    'POST /api/chat-conversations/files': { slots: body({ character_id: characterOfUpload }), body: {} },
    'PUT /api/chat-conversations/messages/:message_id/feedback': { body: { data: { rating: 'like' } } },
    'GET /api/chat-conversations/my-list': {
      slots: query({
        'filters[id]': filter("Ann's message row", "Ann's answer's row"),
        'filters[documentId]': filter("Ann's message documentId"),
        'filters[message_id]': filter("Ann's message_id", "Ann's answer's message_id"),
        'filters[parent_message_id]': filter("Ann's message_id"),
        'filters[turn_id]': filter("Ann's turn_id"),
        'filters[conversation_id]': filter(...sessionIds),
        'filters[session_id]': filter(...sessionIds),
        'filters[session][id]': filter(...sessionIds, "Ann's session row", "Ann's session documentId"),
        'filters[user][id]': filter("Ann's user row", "Ann's user documentId"),
        'filters[user][documentId]': filter("Ann's user row", "Ann's user documentId"),
      }),
    },

    'POST /api/chat/session': {
      slots: body({ user_id: tooLong(64, user), character_id: characterOfBody }),
      body: {},
    },
    'POST /api/chat/sessions': {
      slots: body({ user_id: tooLong(64, user), character_id: characterOfSessions }),
      body: {},
    },
    'GET /api/aichat/getsessionlist/:user_id': { slots: query({ character_id: characterOfSessions }) },
    'GET /api/aichat/getsessionlistshow/:user_id': { slots: query({ character_id: characterOfSessions }) },
    'PATCH /api/chat/sessions/:session_id': { body: { new_title: 'Theirs' } },
    'POST /api/chat/message': {
      slots: body({ session_id: tooLong(255, session) }),
      body: { content: 'Theirs' },
    },
    'PATCH /api/chat/messages/:message_id': { body: { new_content: 'Theirs' } },

    'POST /api/chat/tokens': { body: { data: { name: 'Theirs', scopes: ['read', 'ask'] } } },

    'POST /api/aichat/createsession': {
      slots: body({ user_id: tooLong(64, user), character_id: characterOfBody }),
      body: {},
    },
    'PATCH /api/aichat/sessions/:session_id': { body: { new_title: 'Theirs' } },

    'POST /api/conversations': {
      slots: [...body({ user_id: tooLong(64, user) }), ...query({ user_id: tooLong(64, user) })],
      body: {},
    },
    'POST /api/conversations/:conversation_id/messages': { body: { role: 'user', content: 'Theirs' } },
    'GET /api/conversations/:conversation_id/messages': { slots: query({ after: historyPosition }) },

    ...Object.fromEntries(
      ['dify/:character_id/v1', 'console/api/apps/:character_id'].map((path) => [
        `POST /api/${path}/chat-messages`,
        {
          slots: body({ conversation_id: namedDifyConversation }),
          body: { inputs: {}, query: 'Whose is this?' },
        },
      ]),
    ),
    'GET /api/dify/:character_id/v1/messages': {
      slots: query({ conversation_id: namedDifyConversation }),
    },
    'GET /api/dify/:character_id/v1/conversations': { slots: query({ last_id: namedDifyConversation }) },
    'GET /api/console/api/apps/:character_id/chat-messages': {
      slots: query({ conversation_id: namedDifyConversation }),
    },
    // Each id of a chat that is not an own session begins a new one: tests/app/ai-sdk.test.ts tries them.
    'POST /api/ai-sdk/chat': {
      slots: body({ character_id: characterOfBody }),
      body: {
        id: 'whose',
        message: { role: 'user', parts: [{ type: 'text', text: 'Whose is this?' }] },
        character_id: '$character',
      },
    },
    'POST /api/openai/v1/chat/completions': {
      slots: body({
        model: modelOfBody,
        session_id: tooLong(255, session),
      }),
      body: { model: '$character', messages: [{ role: 'user', content: 'Whose is this?' }] },
    },
    'POST /api/dify/:character_id/v1/conversations/:conversation_id/name': { body: { name: 'Theirs' } },
    'POST /api/dify/:character_id/v1/messages/:message_id/feedbacks': { body: { rating: 'like' } },
  };

interface Route {
  readonly method: string;
  readonly path: string;
  readonly config?: { readonly auth?: false };
  /** Of a stock route. Users may not send it, but it must not be the reason to refuse them. */
  readonly body?: Row['body'];
}

/** Every content API route in `src/api`, with the ids that it takes. */
export const routeTable: Readonly<Record<string, Row>> = Object.fromEntries(
  [...customRoutes(), ...stockRoutes()].map((route) => [`${route.method} /api${route.path}`, toRow(route)]),
);

function toRow({ method, path: pattern, config, body: stockBody }: Route): Row {
  const route = `${method} /api${pattern}`;
  const { slots = [], body: content = stockBody } = requests[route] ?? {};
  const params = paramsOf(route).map((name) => ({ place: 'path' as const, name, kind: kindOf(route, name) }));
  return {
    slots: [...params, ...slots],
    ...(content !== undefined && { body: content }),
    isAtRoot: isServedWithoutApi(`/api${pattern}`),
    isPublic: config?.auth === false,
  };
}

/** Returns the routes that Strapi creates for each content type. */
function stockRoutes(): Route[] {
  return ['ai-characters', 'chat-conversations', 'chat-sessions'].flatMap((name) => [
    { method: 'GET', path: `/${name}` },
    { method: 'POST', path: `/${name}`, body: { data: {} } },
    { method: 'GET', path: `/${name}/:id` },
    { method: 'PUT', path: `/${name}/:id`, body: { data: {} } },
    { method: 'DELETE', path: `/${name}/:id` },
  ]);
}

/**
 * Returns the routes in the `routes` folders of `src/api`. Skips Strapi's core routers. They create their routes on
 * access, which needs a server.
 */
function customRoutes(): Route[] {
  const api = path.resolve(__dirname, '../../src/api');
  return readdirSync(api, { recursive: true, encoding: 'utf8' })
    .filter((file) => /\/routes\/[^/]+\.ts$/u.test(file))
    .flatMap((file) => {
      const router = jest.requireActual<{ default: object }>(path.join(api, file)).default;
      const routes: unknown = Object.getOwnPropertyDescriptor(router, 'routes')?.value;
      return Array.isArray(routes) ? (routes as Route[]) : [];
    });
}

/** Returns the served routes that the table lacks, and the routes of the table that Strapi does not serve. */
export function findGaps(
  served: readonly string[],
  table: Readonly<Record<string, Row>> = routeTable,
): readonly string[] {
  const unknown = served.filter((route) => table[route] === undefined);
  const gone = Object.keys({ ...table, ...requests }).filter((route) => !served.includes(route));
  return [
    ...unknown.map((route) => `${route} is not in the table`),
    ...gone.map((route) => `${route} is no route`),
  ];
}

function paramsOf(route: string): string[] {
  return [...route.matchAll(/:(\w+)/gu)].map(([, name = '']) => name);
}
