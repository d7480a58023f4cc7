import type { Context } from 'koa';

import { ChatError } from '../../../chat';

/**
 * GET /ws/:session_id, of which only what is no WebSocket comes here: `src/websocket` takes the others. This route makes
 * connecting an action in the role editor.
 */
export default {
  open(ctx: Context): never {
    ctx.set({ Upgrade: 'websocket', Connection: 'Upgrade' });
    throw new ChatError('upgrade-required');
  },
};
