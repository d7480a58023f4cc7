import type { Core } from '@strapi/strapi';
import { z } from 'zod';

import type { NodeBus } from '../../chat';
import { afterCommit } from '../sql/transaction';
import { onEachChange, watchersOf, whenHooksAreBack } from './when-changed';

const topic = 'changes';
const message = z.object({ models: z.array(z.string()) });

/**
 * Lets the callers of `whenChanged` on all nodes learn of the changes on each. The other nodes learn of a change after
 * its commit. The changes of one iteration of the event loop go as one message. After a time without the bus, everything
 * counts as changed.
 */
export function shareChanges(db: Core.Strapi['db'], bus: NodeBus): void {
  const pending = new Set<string>();
  bus.listen(topic, (given) => {
    const changed = new Set(message.safeParse(given).data?.models);
    drop(({ models }) => models.some((model) => changed.has(model)));
  });
  bus.onBack(() => drop(() => true));
  onEachChange(db, async ({ model: { uid } }) => {
    if (isWatched(uid)) await afterCommit(db, () => sendSoon([uid]));
  });
  whenHooksAreBack(db, () => sendSoon(watchersOf(db).flatMap(({ models }) => models)));

  function isWatched(uid: string): boolean {
    return watchersOf(db).some(({ models }) => models.includes(uid));
  }

  function drop(isChanged: (watcher: { readonly models: readonly string[] }) => boolean): void {
    for (const watcher of watchersOf(db)) if (isChanged(watcher)) watcher.onChange();
  }

  function sendSoon(models: readonly string[]): void {
    if (pending.size === 0) setImmediate(send);
    for (const model of models) pending.add(model);
  }

  function send(): void {
    bus.send(topic, { models: [...pending] });
    pending.clear();
  }
}
