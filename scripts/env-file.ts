import { readFileSync, writeFileSync } from 'node:fs';
import { parseEnv } from 'node:util';

export type Variables = Readonly<Record<string, string>>;

/** Where Strapi looks, too. */
export const envFile = process.env['ENV_PATH'] || '.env';

/** The variables of a `.env` file. One that does not exist has none. */
export function readEnvFile(file: string): Variables {
  return parseEnv(readText(file)) as Variables;
}

/**
 * Sets these variables in the file and leaves every other line as it is: a line that names one is replaced, the rest is
 * appended. A new file can be read by its owner alone.
 */
export function writeEnvFile(file: string, variables: Variables): void {
  let text = readText(file);
  for (const [name, value] of Object.entries(variables)) text = setVariable(text, name, value);
  writeFileSync(file, text, { mode: 0o600 });
}

function setVariable(text: string, name: string, value: string): string {
  const line = new RegExp(`^[ \\t]*(?:export[ \\t]+)?${name}[ \\t]*=.*$`, 'gmu');
  // Of several lines the last one counts.
  const last = [...text.matchAll(line)].at(-1);
  const lineEnd = text.includes('\r\n') ? '\r\n' : '\n';
  if (last !== undefined) {
    const after = text.slice(last.index + last[0].length);
    return `${text.slice(0, last.index)}${name}=${value}${after}`;
  }
  const separator = text === '' || text.endsWith('\n') ? '' : lineEnd;
  return `${text}${separator}${name}=${value}${lineEnd}`;
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
}
