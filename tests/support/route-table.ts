/** How an id that is not there is answered: the status, and the codes it may have; none where Strapi answers. */
export interface Refusal {
  readonly status: number;
  readonly codes: readonly string[];
}

/** What an id in one place of a request is of. */
export interface Kind {
  /** The forms of one's own ids that do something there. The first one stands where another place is tried. */
  readonly takes: readonly string[];
  /** How every other id is answered there. */
  refusalOf(id: string): Refusal;
}

/** A place in a request where an id stands: `data.session_id` in a body, `filters[id]` in a query string. */
export interface Slot {
  readonly place: 'path' | 'query' | 'body';
  readonly name: string;
  readonly kind: Kind;
}

export interface Row {
  readonly slots: readonly Slot[];
  /** Of a request in which nothing is wrong but the id that is tried. `$character` is a published character. */
  readonly body?: Readonly<Record<string, unknown>>;
  /** Documented without `/api`: served under both paths. */
  readonly isAtRoot?: boolean;
  /** Answers whoever asks, without a token. */
  readonly isPublic?: boolean;
}

const refuse = (status: number, ...codes: string[]): Refusal => ({ status, codes });
const missing = (code: string, ...takes: string[]): Kind => ({ takes, refusalOf: () => refuse(404, code) });
const tooLong = (max: number, { takes, refusalOf }: Kind): Kind => ({
  takes,
  refusalOf: (id) => (id.length > max ? refuse(400, 'invalid-request') : refusalOf(id)),
});

const session = missing('session-not-found', "Ann's session_id");
const deletedSession = missing('session-not-found', "Ann's deleted session_id");
const message = missing(
  'message-not-found',
  "Ann's message row",
  "Ann's message_id",
  "Ann's answer's row",
  "Ann's answer's message_id",
);
const deletedMessage = missing('message-not-found', "Ann's deleted message row", "Ann's deleted message_id");
/** Of a message that is looked for in it. */
const holder = missing('message-not-found', "Ann's session_id");
const namedMessage = missing('message-not-found', "Ann's message_id", "Ann's answer's message_id");
export const turn = missing('turn-not-found', "Ann's turn_id");
const difyConversation = missing('session-not-found', "Ann's conversation_id");
const user: Kind = {
  takes: ["Ann's user row", "Ann's user documentId"],
  refusalOf: () => refuse(403, 'not-yourself'),
};
const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/iu;
const conversation: Kind = {
  takes: ["Ann's session_id"],
  refusalOf: (id) => (uuid.test(id) ? refuse(404, 'session-not-found') : refuse(400, 'invalid-request')),
};
/** A row's number is in its last digits; there is none beyond 31 bits. */
const historyId = /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-8[0-9a-f]{3}-0{4}[0-7][0-9a-f]{7}$/iu;
/** Only a place in one's own conversation, whoever's message it is: nothing is looked up by it. */
const historyPosition: Kind = {
  takes: [],
  refusalOf: (id) => (historyId.test(id) ? refuse(200) : refuse(400, 'invalid-request')),
};
const characterOfBody: Kind = {
  takes: ["Ada's documentId", "Ada's id"],
  refusalOf: () => refuse(400, 'character-not-found', 'invalid-request'),
};
const character: Kind = {
  takes: ["Ada's documentId", "Ada's id"],
  refusalOf: (id) => (id.includes('\0') ? refuse(400, 'invalid-request') : refuse(404)),
};
/** Closed to users whatever the id is. */
const closed: Kind = { takes: [], refusalOf: () => refuse(403) };
/** Refused before anything is looked up. */
const plainSocket: Kind = { takes: [], refusalOf: () => refuse(426, 'upgrade-required') };
/** A filter by what is not there finds nothing, if it is a filter. */
const filter = (...takes: string[]): Kind => ({ takes, refusalOf: () => ({ status: 0, codes: [] }) });

const slotsOf =
  (place: Slot['place']) =>
  (kinds: Readonly<Record<string, Kind>>): Slot[] =>
    Object.entries(kinds).map(([name, kind]) => ({ place, name, kind }));
const path = slotsOf('path');
const query = slotsOf('query');
const body = slotsOf('body');

/** The history keeps what its owner has deleted elsewhere, and knows a conversation by this id alone. */
const recorded: Kind = {
  takes: ["Ann's session_id", "Ann's deleted session_id"],
  refusalOf: () => refuse(404, 'conversation-not-found'),
};

/** A WebSocket's upgrade, and the frames sent over one, which no list of routes has. */
export const upgradeSlot: Slot = { place: 'path', name: 'session_id', kind: session };

/**
 * Every content-API route of this application, and the ids it takes. One that is missing here, or has a parameter nobody
 * names here, fails tests/app/isolation-routes.test.ts.
 */
export const routeTable: Readonly<Record<string, Row>> = {
  'POST /api/chat-conversations/create-message': {
    slots: body({
      'data.session_id': tooLong(255, session),
      'data.conversation_id': tooLong(255, difyConversation),
      'data.character_id': characterOfBody,
    }),
    body: { data: { character_id: '$character', query: 'Whose is this?' } },
  },
  'GET /api/chat-conversations/turns/:turn_id': { slots: path({ turn_id: turn }) },
  'GET /api/chat-conversations/turns/:turn_id/stream': { slots: path({ turn_id: turn }) },
  'POST /api/chat-conversations/turns/:turn_id/stop': { slots: path({ turn_id: turn }) },
  'POST /api/chat-conversations/turns/:turn_id/regenerate': { slots: path({ turn_id: turn }) },
  'PUT /api/chat-conversations/messages/:message_id/feedback': {
    slots: path({ message_id: namedMessage }),
    body: { data: { rating: 'like' } },
  },
  'PUT /api/chat-conversations/messages/:message_id/read': { slots: path({ message_id: namedMessage }) },
  'GET /api/chat-conversations/messages/:message_id/suggested': { slots: path({ message_id: namedMessage }) },
  'GET /api/chat-conversations/my-list': {
    slots: query({
      'filters[id]': filter("Ann's message row", "Ann's answer's row"),
      'filters[documentId]': filter("Ann's message documentId"),
      'filters[message_id]': filter("Ann's message_id", "Ann's answer's message_id"),
      'filters[parent_message_id]': filter("Ann's message_id"),
      'filters[turn_id]': filter("Ann's turn_id"),
      'filters[conversation_id]': filter("Ann's conversation_id"),
      'filters[session_id]': filter("Ann's session_id"),
      'filters[session][id]': filter("Ann's session_id", "Ann's session row", "Ann's session documentId"),
      'filters[user][id]': filter("Ann's user row", "Ann's user documentId"),
      'filters[user][documentId]': filter("Ann's user row", "Ann's user documentId"),
    }),
  },
  'GET /api/chat-conversations': { slots: [] },
  'POST /api/chat-conversations': { slots: [], body: { data: {} } },
  'GET /api/chat-conversations/:id': { slots: path({ id: closed }) },
  'PUT /api/chat-conversations/:id': { slots: path({ id: closed }), body: { data: {} } },
  'DELETE /api/chat-conversations/:id': { slots: path({ id: closed }) },

  'POST /api/chat/session': {
    slots: body({ user_id: tooLong(64, user), character_id: characterOfBody }),
    body: {},
  },
  'POST /api/chat/sessions': { slots: body({ user_id: tooLong(64, user) }), body: {} },
  'GET /api/chat/sessions/:session_id': { slots: path({ session_id: session }) },
  'PATCH /api/chat/sessions/:session_id': {
    slots: path({ session_id: session }),
    body: { new_title: 'Theirs' },
  },
  'DELETE /api/chat/sessions/:session_id': { slots: path({ session_id: session }) },
  'POST /api/chat/sessions/:session_id/restore': { slots: path({ session_id: deletedSession }) },
  'GET /api/chat/sessions/:session_id/messages': { slots: path({ session_id: session }) },
  'GET /api/chat/sessions/:session_id/messages/:message_id': {
    slots: path({ session_id: holder, message_id: message }),
  },
  'POST /api/chat/message': {
    slots: body({ session_id: tooLong(255, session) }),
    body: { content: 'Theirs' },
  },
  'PATCH /api/chat/messages/:message_id': {
    slots: path({ message_id: message }),
    body: { new_content: 'Theirs' },
  },
  'DELETE /api/chat/messages/:message_id': { slots: path({ message_id: message }) },
  'POST /api/chat/messages/:message_id/restore': { slots: path({ message_id: deletedMessage }) },
  'GET /api/chat-sessions': { slots: [] },
  'POST /api/chat-sessions': { slots: [], body: { data: {} } },
  'GET /api/chat-sessions/:id': { slots: path({ id: closed }) },
  'PUT /api/chat-sessions/:id': { slots: path({ id: closed }), body: { data: {} } },
  'DELETE /api/chat-sessions/:id': { slots: path({ id: closed }) },

  'GET /api/aichat/getsessionlist/:user_id': { slots: path({ user_id: user }), isAtRoot: true },
  'GET /api/aichat/getsessionlistshow/:user_id': { slots: path({ user_id: user }), isAtRoot: true },
  'POST /api/aichat/createsession': {
    slots: body({ user_id: tooLong(64, user), character_id: characterOfBody }),
    body: {},
    isAtRoot: true,
  },
  'GET /api/aichat/sessions/:session_id': { slots: path({ session_id: session }), isAtRoot: true },
  'PATCH /api/aichat/sessions/:session_id': {
    slots: path({ session_id: session }),
    body: { new_title: 'Theirs' },
    isAtRoot: true,
  },
  'DELETE /api/aichat/deletesession/:session_id': { slots: path({ session_id: session }), isAtRoot: true },
  'GET /api/aichat/sessions/:session_id/messages': { slots: path({ session_id: session }), isAtRoot: true },
  'GET /api/ws/:session_id': { slots: path({ session_id: plainSocket }), isAtRoot: true },

  'GET /api/v1/conversations': { slots: [] },
  'GET /api/v1/conversations/:conversation_id': { slots: path({ conversation_id: recorded }) },
  'DELETE /api/v1/conversations/:conversation_id': { slots: path({ conversation_id: recorded }) },
  'GET /api/v1/stats/conversations': { slots: [] },

  'POST /api/conversations': {
    slots: [...body({ user_id: tooLong(64, user) }), ...query({ user_id: tooLong(64, user) })],
    body: {},
    isAtRoot: true,
  },
  'POST /api/conversations/:conversation_id/messages': {
    slots: path({ conversation_id: conversation }),
    body: { role: 'user', content: 'Theirs' },
    isAtRoot: true,
  },
  'GET /api/conversations/:conversation_id/messages': {
    slots: [...path({ conversation_id: conversation }), ...query({ after: historyPosition })],
    isAtRoot: true,
  },
  'GET /api/users/:user_id/conversations': { slots: path({ user_id: user }), isAtRoot: true },

  'GET /api/chat/ready': { slots: [], isPublic: true },
  'GET /api/chat/metrics': { slots: [], isPublic: true },
  'GET /api/chat/search': { slots: [] },
  'GET /api/chat/export': { slots: [] },
  'DELETE /api/chat/me': { slots: [] },

  'GET /api/ai-characters': { slots: [] },
  'POST /api/ai-characters': { slots: [], body: { data: {} } },
  'GET /api/ai-characters/:id': { slots: path({ id: character }) },
  'PUT /api/ai-characters/:id': { slots: path({ id: closed }), body: { data: {} } },
  'DELETE /api/ai-characters/:id': { slots: path({ id: closed }) },
};

/** What the table does not say of these routes (`GET /api/…`), and what it says of none of them. */
export function findGaps(
  routes: readonly string[],
  table: Readonly<Record<string, Row>> = routeTable,
): readonly string[] {
  const unknown = routes.filter((route) => table[route] === undefined);
  const gone = Object.keys(table).filter((route) => !routes.includes(route));
  const unnamed = Object.entries(table).filter(([route, { slots }]) => {
    const named = slots.filter(({ place }) => place === 'path').map(({ name }) => name);
    return paramsOf(route).join() !== named.join();
  });
  return [
    ...unknown.map((route) => `${route} is not in the table`),
    ...gone.map((route) => `${route} is no route`),
    ...unnamed.map(([route]) => `${route} has other parameters`),
  ];
}

function paramsOf(route: string): string[] {
  return [...route.matchAll(/:(\w+)/gu)].map(([, name = '']) => name);
}
