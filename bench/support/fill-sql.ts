import type { Application } from '../targets/strapi-process';
import type { DatabaseKind } from './database-kind';

/** How many rows to create, and for whom. */
export interface Amounts {
  /** Number of messages, two for each turn. */
  readonly rows: number;
  /** Number of messages of the caller, spread evenly over the whole time. */
  readonly ownRows: number;
  /** The caller's id in `up_users`. All other users get higher ids. */
  readonly callerId: number;
}

export interface FillStatement {
  readonly table: string;
  readonly sql: string;
}

const turnsOfOthersEach = 50;
const turnsOfOwnSession = 20;
const beganAtMs = 1_735_689_600_000;

/** Returns SQL for rows as conversations leave them. Sessions have some turns each; those of others are in between. */
export function toFillStatements(
  application: Application,
  kind: DatabaseKind,
  amounts: Amounts,
): readonly FillStatement[] {
  const turns = Math.floor(amounts.rows / 2);
  const ownTurns = Math.floor(amounts.ownRows / 2);
  const stride = Math.floor(turns / ownTurns);
  const others = Math.max(1, Math.ceil(turns / turnsOfOthersEach));
  const ownSessions = Math.ceil(ownTurns / turnsOfOwnSession);
  const parts: Parts = {
    ...words(kind),
    turns,
    others,
    ownSessions,
    callerId: amounts.callerId,
    isOwn: `i % ${stride} = 0 and i <= ${stride * ownTurns}`,
    other: `1 + (i * 7919) % ${others}`,
    ownSession: `1 + (i / ${stride} - 1) / ${turnsOfOwnSession}`,
  };
  return application === 'ours' ? [users(parts), ...ours(parts)] : [users(parts), ...stock(parts)];
}

interface Words {
  /** Returns a FROM clause with rows `n(i)` from 1 to `count`. */
  readonly numbers: (count: number) => string;
  /** Converts an expression in seconds to a time. */
  readonly time: (seconds: string) => string;
}

interface Parts extends Words {
  readonly turns: number;
  readonly others: number;
  readonly ownSessions: number;
  readonly callerId: number;
  readonly isOwn: string;
  readonly other: string;
  readonly ownSession: string;
}

function words(kind: DatabaseKind): Words {
  if (kind === 'postgres') {
    return {
      numbers: (count) => `from generate_series(1::bigint, ${count}) as n(i)`,
      time: (seconds) => `to_timestamp(${beganAtMs / 1000} + ${seconds}) at time zone 'UTC'`,
    };
  }
  return {
    numbers: (count) =>
      `from (with recursive n(i) as (values (1) union all select i + 1 from n where i < ${count}) select i from n) as n`,
    time: (seconds) => `${beganAtMs} + (${seconds}) * 1000`,
  };
}

/** Returns an expression as long as a UUID. */
const uuid = (letter: string, number: string) =>
  `'${letter}0000000-0000-4000-8000-' || (100000000000 + ${number})`;
const documentId = (word: string, number: string) => `'${word}' || (100000000000 + ${number})`;

function users({ numbers, time, others, callerId }: Parts): FillStatement {
  return {
    table: 'up_users',
    sql: `insert into up_users (id, document_id, username, email, provider, confirmed, blocked, created_at, updated_at,
      published_at) select ${callerId} + i, ${documentId('userdocument', 'i')}, 'other' || i, 'other' || i || '@example.com',
      'local', true, false, ${time('i')}, ${time('i')}, ${time('i')} ${numbers(others)}`,
  };
}

/** Selects the id of the only character. */
const characterId = '(select document_id from ai_characters where published_at is null)';
const question = `'What do you do when the fog will not lift?'`;
const answer = `'You light the lamp and wind the clock, and then you wait. Most of what a keeper does is waiting, and the fog is only a longer kind of it. Somebody out there counts the seconds between two flashes and knows where the rock is.'`;
const usage = `'{"prompt_tokens":19,"completion_tokens":73,"total_tokens":92,"currency":"USD","latency":1.2}'`;

function ours(parts: Parts): FillStatement[] {
  const { numbers, time, turns, others, ownSessions, callerId, isOwn, other, ownSession } = parts;
  const user = `case when ${isOwn} then ${callerId} else ${callerId} + ${other} end`;
  const session = `case when ${isOwn} then ${ownSession} else ${ownSessions} + ${other} end`;
  const message = (id: string, isQuestion: boolean) => ({
    table: 'chat_conversations',
    sql: `insert into chat_conversations (id, document_id, message_id, role, query, answer, conversation_id, session_id,
      turn_id, ai_character_document_id, user_id, message_status, outcome, stop_requested, usage, parent_message_id, is_deleted,
      is_superseded, created_at, updated_at, published_at) select ${id}, ${documentId('messagedocum', id)},
      ${uuid(isQuestion ? 'a' : 'b', 'i')}, ${isQuestion ? `'user'` : `'assistant'`}, ${question},
      ${isQuestion ? 'null' : answer}, ${uuid('c', session)}, ${session}, ${uuid('d', 'i')}, ${characterId}, ${user}, 'sent',
      ${isQuestion ? 'null' : `'completed'`}, false, ${isQuestion ? 'null' : usage},
      ${isQuestion ? 'null' : uuid('a', 'i')}, false, false, ${time('i')}, ${time('i')}, ${time('i')} ${numbers(turns)}`,
  });
  return [
    {
      table: 'chat_sessions',
      sql: `insert into chat_sessions (id, document_id, session_id, title, user_id, ai_character_document_id, conversation_id,
        message_count, last_message_at, is_deleted, created_at, updated_at, published_at) select i,
        ${documentId('sessiondocum', 'i')}, ${uuid('e', 'i')}, 'A session',
        case when i <= ${ownSessions} then ${callerId} else ${callerId} - ${ownSessions} + i end, ${characterId}, ${uuid('c', 'i')},
        ${2 * turnsOfOwnSession}, ${time('i')}, false, ${time('i')}, ${time('i')}, ${time('i')}
        ${numbers(ownSessions + others)}`,
    },
    message('2 * i - 1', true),
    message('2 * i', false),
  ];
}

function stock(parts: Parts): FillStatement[] {
  const { numbers, time, turns, others, ownSessions, callerId, isOwn, other, ownSession } = parts;
  const stamps = `${time('i')}, ${time('i')}, ${time('i')}`;
  const message = (id: string, isQuestion: boolean) => ({
    table: 'messages',
    sql: `insert into messages (id, document_id, role, query, answer, conversation_id, usage, created_at, updated_at,
      published_at) select ${id}, ${documentId('messagedocum', id)}, ${isQuestion ? `'user'` : `'assistant'`},
      ${question}, ${isQuestion ? 'null' : answer}, ${uuid('c', 'i')}, ${isQuestion ? 'null' : usage}, ${stamps}
      ${numbers(turns)}`,
  });
  /** Links both messages of a turn, in Strapi's link table of the relation. */
  const link = (name: string, target: string, ofMessage: string) => ({
    table: `messages_${name}_lnk`,
    sql: `insert into messages_${name}_lnk (id, message_id, ${name}_id) select m, m, ${target}
      from (select ${ofMessage} as i, i as m ${numbers(2 * turns)}) as links`,
  });
  const turnOfMessage = '(i + 1) / 2';
  return [
    {
      table: 'sessions',
      sql: `insert into sessions (id, document_id, conversation_id, created_at, updated_at, published_at) select i,
        ${documentId('sessiondocum', 'i')}, ${uuid('c', 'i')}, ${stamps} ${numbers(ownSessions + others)}`,
    },
    message('2 * i - 1', true),
    message('2 * i', false),
    link(
      'session',
      `case when ${isOwn} then ${ownSession} else ${ownSessions} + ${other} end`,
      turnOfMessage,
    ),
    link('character', '1', turnOfMessage),
    link('user', `case when ${isOwn} then ${callerId} else ${callerId} + ${other} end`, turnOfMessage),
  ];
}
