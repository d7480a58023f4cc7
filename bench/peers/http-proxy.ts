/** The package http-proxy, as its README begins. `http-proxy.ts <upstream port> <folder it is installed in>` */
import type { Server } from 'node:http';
import { createRequire } from 'node:module';
import path from 'node:path';

interface HttpProxy {
  createProxyServer(options: { readonly target: string }): {
    listen(port: number, host: string): { readonly _server: Server };
    on(event: 'error', listener: () => void): void;
  };
}

const [upstreamPort = '', folder = ''] = process.argv.slice(2);
const httpProxy = createRequire(path.join(folder, 'package.json'))('http-proxy') as HttpProxy;

const proxy = httpProxy.createProxyServer({ target: `http://127.0.0.1:${upstreamPort}` });
proxy.on('error', () => undefined);
const { _server: server } = proxy.listen(0, '127.0.0.1');
server.once('listening', () => {
  const address = server.address();
  process.send?.({ port: typeof address === 'object' ? address?.port : 0 });
});
process.on('disconnect', () => process.exit());
