/** The least that Node can do: every request on, every reply back, byte by byte. `pipe.ts <upstream port>` */
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';

const upstream = { host: '127.0.0.1', port: Number(process.argv[2]), agent: false as const };

const server = createServer((incoming, outgoing) => {
  const { method, url, headers } = incoming;
  const onward = request({ ...upstream, method, path: url, headers }, (reply) => {
    outgoing.writeHead(reply.statusCode ?? 502, reply.headers);
    reply.pipe(outgoing);
  });
  onward.on('error', () => outgoing.destroy());
  incoming.pipe(onward);
});

server.listen(0, '127.0.0.1', () => process.send?.({ port: (server.address() as AddressInfo).port }));
process.on('disconnect', () => process.exit());
