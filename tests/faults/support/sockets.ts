import { readFile } from 'node:fs/promises';

/**
 * The sockets a server on `port` still holds to clients on these ports of theirs. Linux says so; elsewhere nobody does,
 * and this finds none.
 */
export async function heldSockets(port: number, clientPorts: ReadonlySet<number>): Promise<number> {
  const table = await readFile('/proc/net/tcp', 'utf8').catch(() => '');
  const rows = table.split('\n').slice(1);
  return rows.filter((row) => {
    const [, local = '', remote = '', , , , , , , inode] = row.trim().split(/\s+/u);
    // Without an inode nobody holds it any more: the kernel says the last goodbyes by itself.
    return portOf(local) === port && clientPorts.has(portOf(remote)) && inode !== '0';
  }).length;
}

/** Of an address as the kernel writes it: `0100007F:1F90`. */
function portOf(address: string): number {
  return parseInt(address.slice(address.indexOf(':') + 1), 16);
}
