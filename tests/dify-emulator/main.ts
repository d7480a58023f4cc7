import { parseArgs } from 'node:util';
import { createDifyEmulator, faults } from './index';
import type { Profile } from './frames';

const usage = `Usage: tsx tests/dify-emulator/main.ts [options]

  --port <number>             default 5001
  --host <name>               default 127.0.0.1
  --profile <1.x|0.15>        default 1.x
  --token-interval-ms <ms>    pause between deltas, default 40
  --detached                  replies continue and are saved after the client has left
  --faults                    list the faults and exit
`;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      port: { type: 'string', default: '5001' },
      host: { type: 'string', default: '127.0.0.1' },
      profile: { type: 'string', default: '1.x' },
      'token-interval-ms': { type: 'string', default: '40' },
      detached: { type: 'boolean', default: false },
      faults: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return print(usage);
  if (values.faults) return print(faultTable());

  const dify = await createDifyEmulator({
    profile: toProfile(values.profile),
    port: toNumber('--port', values.port),
    host: values.host,
    tokenIntervalMs: toNumber('--token-interval-ms', values['token-interval-ms']),
    titleDelayMs: 1000,
    detached: values.detached,
  }).listen();
  print(`Dify emulator (${values.profile}) on ${dify.url}/v1\n`);
  for (const { key, mode } of dify.apps) print(`  ${key.padEnd(28)}${mode}\n`);

  const stop = (): void => void dify.close();
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
}

function toProfile(value: string): Profile {
  if (value === '1.x' || value === '0.15') return value;
  throw new TypeError(`--profile must be 1.x or 0.15, not ${value}`);
}

function toNumber(option: string, value: string): number {
  const number = Number(value);
  if (!Number.isInteger(number) || number < 0)
    throw new TypeError(`${option} must be a whole number, not ${value}`);
  return number;
}

function faultTable(): string {
  const rows = Object.entries(faults).map(([name, { does, params }]) => {
    const defaults = Object.entries(params).map(([param, value]) => ` ${param}=${value}`);
    return `  ${name.padEnd(24)}${does}${defaults.length > 0 ? `  (${defaults.join('').trim()})` : ''}\n`;
  });
  return rows.join('');
}

function print(text: string): void {
  process.stdout.write(text);
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`);
  process.exitCode = 1;
});
