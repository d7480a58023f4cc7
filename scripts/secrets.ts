import { randomBytes } from 'node:crypto';

import { placeholder } from '../src/strapi/startup/secrets';
import { envFile, readEnvFile, writeEnvFile, type Variables } from './env-file';

/** The secrets that Strapi signs and encrypts with, and the number of keys in each. */
const keysOf = {
  APP_KEYS: 2,
  API_TOKEN_SALT: 1,
  ADMIN_JWT_SECRET: 1,
  TRANSFER_TOKEN_SALT: 1,
  JWT_SECRET: 1,
  ENCRYPTION_KEY: 1,
} as const;

type SecretName = keyof typeof keysOf;

export const secretNames = Object.keys(keysOf) as SecretName[];

export interface SecretsReport {
  readonly written: readonly string[];
  /** Variables that the process environment sets to nothing or to a placeholder. They override the file. */
  readonly hidden: readonly string[];
}

export interface SecretsOptions {
  readonly envFile: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** Writes the secrets that neither the environment nor the file sets. Keeps existing values. */
export function ensureSecrets({ envFile, environment }: SecretsOptions): SecretsReport {
  const inFile = readEnvFile(envFile);
  const written = secretNames.filter((name) => !isUsable(environment[name]) && !isUsable(inFile[name]));
  const values: Variables = Object.fromEntries(written.map((name) => [name, createSecret(keysOf[name])]));
  if (written.length > 0) writeEnvFile(envFile, values);
  return {
    written,
    hidden: secretNames.filter((name) => environment[name] !== undefined && !isUsable(environment[name])),
  };
}

/** @returns the report as text lines. They contain names of variables, never values. */
export function describeSecrets({ written, hidden }: SecretsReport, file: string): string[] {
  const lines =
    written.length === 0 ? [] : [`Wrote ${written.join(', ')} to ${file}. Keep this file secret.`];
  if (hidden.length > 0)
    lines.push(
      `Your shell sets ${hidden.join(', ')} to nothing or to a placeholder, which overrides ${file}. Unset it.`,
    );
  return lines;
}

function createSecret(keys: number): string {
  return Array.from({ length: keys }, () => randomBytes(32).toString('base64url')).join(',');
}

function isUsable(value: string | undefined): boolean {
  const keys = (value ?? '').split(',').map((key) => key.trim());
  return keys.every((key) => key !== '' && !placeholder.test(key));
}

function main(): void {
  if (process.env['NODE_ENV'] === 'production') {
    console.error(
      `In production, set ${secretNames.join(', ')} yourself, with the same values at every start.`,
    );
    process.exitCode = 1;
    return;
  }
  const report = ensureSecrets({ envFile, environment: process.env });
  const lines = describeSecrets(report, envFile);
  for (const line of lines.length > 0 ? lines : ['All secrets already exist. Nothing to do.']) {
    console.log(line);
  }
}

if (require.main === module) main();
