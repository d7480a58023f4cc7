import { readFile } from 'node:fs/promises';

/**
 * Counts the sockets that a server on `port` holds to clients with these ports. Linux reports them in /proc; on other
 * systems the result is 0.
 */
export async function heldSockets(port: number, clientPorts: ReadonlySet<number>): Promise<number> {
  const table = await readFile('/proc/net/tcp', 'utf8').catch(() => '');
  const rows = table.split('\n').slice(1);
  return rows.filter((row) => {
    const [, local = '', remote = '', , , , , , , inode] = row.trim().split(/\s+/u);
    // The process has closed a socket without an inode. The kernel still finishes its shutdown.
    return portOf(local) === port && clientPorts.has(portOf(remote)) && inode !== '0';
  }).length;
}

/** Parses the port of an address that the kernel prints as `0100007F:1F90`. */
function portOf(address: string): number {
  return parseInt(address.slice(address.indexOf(':') + 1), 16);
}
