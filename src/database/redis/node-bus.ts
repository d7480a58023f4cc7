import { randomUUID } from 'node:crypto';

import { z } from 'zod';

import type { NodeBus } from '../../chat';
import type { Channels } from './channels';
import type { Redis } from './connection';

/** A text on a channel: the node that has sent it, and its message. */
const sent = z.object({ from: z.string(), message: z.unknown() });

/** Sends messages to the other nodes by Redis's channels. Redis also returns a node its own messages. */
export function createNodeBus(redis: Redis, channels: Channels, nodeId: string = randomUUID()): NodeBus {
  return {
    send(topic, message) {
      channels.publish(redis.key('bus', topic), JSON.stringify({ from: nodeId, message }));
    },
    listen: (topic, listener) =>
      channels.listen(redis.key('bus', topic), (text) => {
        const parsed = parse(text);
        if (parsed !== null && parsed.from !== nodeId) listener(parsed.message);
      }),
    onBack: redis.onReady,
    isConnected: () => redis.client() !== null,
  };
}

/** Returns null for a text that no node has sent. */
function parse(text: string): z.infer<typeof sent> | null {
  try {
    return sent.safeParse(JSON.parse(text)).data ?? null;
  } catch {
    return null;
  }
}
