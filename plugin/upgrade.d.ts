import type { IncomingMessage, Server } from 'node:http';

/** Options of Node's HTTP server, for `http.serverOptions` in `config/server`. */
export declare const upgradeOptions: {
  shouldUpgradeCallback(this: Server, request: IncomingMessage): boolean;
};
