import type { Core } from '@strapi/strapi';

import { chatOf, onMessagesFinished, type FinishedMessages } from '../../app';
import { describeError } from '../../chat';
import { emitInOrder, type Emit } from '../patches/webhooks-in-order';
import { createEventQueue, type EventQueue } from './event-queue';

const messageUid = 'api::chat-conversation.chat-conversation';

/** Turns that wait for their events. The server keeps only their ids. */
const maxWaiting = 1_000;

type Entry = Readonly<Record<string, unknown>>;

const queues = new WeakMap<Core.Strapi, EventQueue<FinishedMessages>>();

/**
 * Starts to send the events that Strapi sends for a created entry: `afterCreate` to lifecycle subscribers, and
 * `entry.create` to webhooks and other subscribers. The chat saves messages below the code of Strapi that sends them.
 * @returns undefined if the settings do not turn this on.
 */
export function startMessageEvents(strapi: Core.Strapi): EventQueue | undefined {
  if (!chatOf(strapi).settings.strapiEvents) return undefined;
  const emit = emitInOrder(strapi);
  const queue = createEventQueue<FinishedMessages>({
    send: (finished) => sendCreated(strapi, finished, emit),
    maxWaiting,
    log: strapi.log,
  });
  queues.set(strapi, queue);
  onMessagesFinished(strapi, queue.add);
  return queue;
}

/** Returns the queue of the events; undefined if the server sends none. */
export function messageEventsOf(strapi: Core.Strapi): EventQueue | undefined {
  return queues.get(strapi);
}

/** Never rejects because of a subscriber. @throws the errors of the database. */
async function sendCreated(strapi: Core.Strapi, finished: FinishedMessages, emit: Emit): Promise<void> {
  for (const row of await readRows(strapi, finished)) {
    const entry = await toEntry(strapi, row);
    // A message of no turn has run `afterCreateMany` when it was saved.
    if (entry['turn_id'] !== null) await reported(strapi, entry, runAfterCreate(strapi, entry));
    await reported(
      strapi,
      entry,
      emit('entry.create', { model: 'chat-conversation', uid: messageUid, entry }),
    );
  }
}

/** Returns the rows that are not deleted, with their relations, the oldest first. */
async function readRows(strapi: Core.Strapi, finished: FinishedMessages): Promise<readonly Entry[]> {
  return (await strapi.db.query(messageUid).findMany({
    where: { ...finished, is_deleted: false },
    orderBy: { id: 'asc' },
    populate: {
      session: true,
      user: true,
      // A draft is for editors only.
      ai_character: { where: { publishedAt: { $notNull: true } } },
    },
  })) as readonly Entry[];
}

/** Returns a row as Strapi's API shows it, without private fields. The prompt is left out, too. */
async function toEntry(strapi: Core.Strapi, row: Entry): Promise<Entry> {
  const entry = (await strapi.contentAPI.sanitize.output(row, strapi.contentType(messageUid))) as Entry;
  const { ai_character: character } = entry;
  if (typeof character !== 'object' || character === null) return entry;
  const { prompt: _prompt, ...shown } = character as Entry;
  return { ...entry, ai_character: shown };
}

async function runAfterCreate({ db }: Core.Strapi, entry: Entry): Promise<void> {
  // A subscriber may change its entry.
  const own = structuredClone(entry);
  await db.lifecycles.run('afterCreate', messageUid, { params: { data: own }, result: own });
}

async function reported({ log }: Core.Strapi, entry: Entry, sent: Promise<void>): Promise<void> {
  try {
    await sent;
  } catch (error) {
    log.warn(
      `Message ${String(entry['message_id'])}: a subscriber of Strapi failed: ${describeError(error)}`,
    );
  }
}
