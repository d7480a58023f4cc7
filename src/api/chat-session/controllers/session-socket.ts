import type { Context } from 'koa';

import { ChatError } from '../../../chat';

/**
 * GET /ws/:session_id. Only requests without a WebSocket upgrade arrive here; `src/websocket` handles the upgrades.
 * This route makes connecting an action in the role editor.
 */
export default {
  open(ctx: Context): never {
    ctx.set({ Upgrade: 'websocket', Connection: 'Upgrade' });
    throw new ChatError('upgrade-required');
  },
};
