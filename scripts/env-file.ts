import { readFileSync, writeFileSync } from 'node:fs';
import { parseEnv } from 'node:util';

export type Variables = Readonly<Record<string, string>>;

/** The file that Strapi reads. */
export const envFile = process.env['ENV_PATH'] || '.env';

/** Returns the variables of a `.env` file, or none if the file does not exist. */
export function readEnvFile(file: string): Variables {
  return parseEnv(readText(file)) as Variables;
}

/**
 * Sets variables in a `.env` file. Replaces the line of an existing variable, appends the others, and keeps all other
 * lines. Only the owner can read a new file.
 */
export function writeEnvFile(file: string, variables: Variables): void {
  let text = readText(file);
  for (const [name, value] of Object.entries(variables)) text = setVariable(text, name, value);
  writeFileSync(file, text, { mode: 0o600 });
}

function setVariable(text: string, name: string, value: string): string {
  const line = new RegExp(`^[ \\t]*(?:export[ \\t]+)?${name}[ \\t]*=.*$`, 'gmu');
  // The last of several lines takes effect.
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
