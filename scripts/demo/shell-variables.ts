import { writeFileSync } from 'node:fs';

export interface ShellVariables {
  readonly url: string;
  readonly jwt: string;
  readonly characterId: string;
}

/** Writes a file for `source` in a shell: the address, a token and a character. Only the owner can read the file. */
export function writeShellVariables(file: string, { url, jwt, characterId }: ShellVariables): void {
  const lines = [
    '# Written by npm run demo. The token is good for an hour.',
    `export API='${url}'`,
    `export JWT='${jwt}'`,
    `export CHARACTER='${characterId}'`,
  ];
  writeFileSync(file, `${lines.join('\n')}\n`, { mode: 0o600 });
}
