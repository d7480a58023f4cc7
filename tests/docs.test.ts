import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseEnv } from 'node:util';

import { z } from 'zod';

import { parseOptions } from '../bench/options';
import { parseCommand } from '../scripts/history/options';
import { chatErrors, type ChatErrorCode } from '../src/chat/errors';
import { parseMessagePageRequest } from '../src/chat/contract/messages/query';
import { toAnswerFileReply } from '../src/chat/contract/file/link';
import { characterReply, toMessageReply, userReply } from '../src/chat/contract/messages/reply';
import * as schemas from '../src/chat/contract/schemas';
import { turnOutcomes } from '../src/chat/model/outcome';
import type { TurnEvent } from '../src/chat/model/turn-event';
import { toWireEvent, type WireEvent } from '../src/chat/contract/stream-event';
import { readMailConfig } from '../src/env/mail-settings';
import { pluginSettingNames } from '../src/plugin/settings';
import { ada, keeper, links, message } from './chat/support/fixtures';
import { codeBlocks } from './support/markdown';
import { startArgs } from './support/start-args';

const root = path.resolve(__dirname, '..');
const read = (file: string) => readFileSync(path.join(root, file), 'utf8');

const allDocuments = ['.', 'bench', 'clients', 'docs', 'scripts', 'src', 'tests'].flatMap((folder) =>
  readdirSync(path.join(root, folder), { recursive: folder !== '.', encoding: 'utf8' })
    .filter((file) => file.endsWith('.md'))
    .map((file) => path.join(folder, file)),
);
/** The documents whose text is compared with the code. The others use names of their own. */
const documents = allDocuments.filter((file) => !/^(?:bench|tests)\//u.test(file));
const api = read('docs/http-api.md');
const environmentExample = read('.env.example');

const withoutCode = (text: string) => text.replaceAll(/^```.*?^```$/gmsu, '');
const matches = (text: string, pattern: RegExp) => [...text.matchAll(pattern)].map((match) => match[1] ?? '');

/** Returns the text below a heading, up to the next heading of the same or a higher level. */
function section(text: string, heading: string): string {
  const level = heading.indexOf(' ');
  const start = text.indexOf(`\n${heading}\n`);
  if (start === -1) throw new Error(`The heading "${heading}" does not exist.`);
  const body = text.slice(start + heading.length + 2);
  const end = body.search(new RegExp(`^#{1,${level}} `, 'mu'));
  return end === -1 ? body : body.slice(0, end);
}

/** Returns the cells of all table rows in a text, without header rows and separator lines. */
function rows(text: string): string[][] {
  const lines = text.split('\n').filter((line, index, all) => {
    const isHead = /^\|[\s\-|:]+\|$/u.test(all[index + 1] ?? '');
    return line.startsWith('|') && !isHead && !/^\|[\s\-|:]+\|$/u.test(line);
  });
  return lines.map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

const codesIn = (text: string) => matches(text, /`([^`]+)`/gu);

/** Holds one example of each event by its name. The compiler reports a missing one. */
const events: { readonly [Name in WireEvent['event']]: WireEvent } = {
  turn_started: toWire({ type: 'started' }),
  queued: toWire({ type: 'queued', place: 3 }),
  message: toWire({ type: 'delta', text: 'Hi' }),
  message_replace: toWire({ type: 'replaced', text: 'Hi' }),
  message_file: toWire({ type: 'file', file: { id: 'file', type: 'image', url: '/sea.png' } }),
  message_end: toWire({ type: 'ended', outcome: 'completed', saved: [message(), message()] }),
  error: toWire({ type: 'failed', outcome: 'failed', code: 'internal' }),
};

function toWire(event: TurnEvent): WireEvent {
  return toWireEvent(event, {
    envelope: {
      turn_id: 'turn',
      task_id: 'turn',
      session_id: 'session',
      conversation_id: null,
      message_id: 'answer',
      created_at: 1,
    },
    questionMessageId: 'question',
    toReplies: () => [],
    toFile: (file) => toAnswerFileReply(file, message(), { owner: ada, links }),
  });
}

function fits(params: Readonly<Record<string, unknown>>): boolean {
  try {
    parseMessagePageRequest(params);
    return true;
  } catch {
    return false;
  }
}

/** Returns the anchors that GitHub generates for the headings of a document. */
function anchorsOf(text: string): string[] {
  return matches(withoutCode(text), /^#+ (.+)$/gmu).map((heading) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

describe('docs/http-api.md', () => {
  it('lists exactly the outcomes of a turn', () => {
    const documented = rows(section(api, '## Outcomes')).map(([outcome = '']) => codesIn(outcome)[0]);

    expect(documented).toEqual([...turnOutcomes]);
  });

  it('names exactly the events of the stream', () => {
    const [, list = ''] =
      /^The events are (.+?)\. /msu.exec(section(api, '### The reply as an event stream')) ?? [];

    expect(codesIn(list).sort()).toEqual(Object.keys(events).sort());
  });

  it('shows errors with the status and the sentence of their code', () => {
    const shown = matches(api, /^```json\n(.*?)^```$/gmsu).flatMap((json) => {
      const { error } = JSON.parse(json) as { error?: { status: number; message: string; details: object } };
      return error === undefined ? [] : [error];
    });

    expect(shown).not.toEqual([]);
    for (const { status, message: sentence, details } of shown) {
      const { code } = details as { code: ChatErrorCode };
      expect([code, status]).toEqual([code, chatErrors[code].status]);
      // This one names what is wrong.
      if (code !== 'invalid-request') expect(sentence).toBe(chatErrors[code].sentence);
    }
  });

  it('lists exactly the fields and operators of filters, and the fields to sort by', () => {
    const [fieldRows, operatorRows] = section(api, '### Filters').split('| operators | apply to |');
    const fields = rows(fieldRows ?? '').flatMap(([names = '']) => codesIn(names));
    const operators = rows(operatorRows ?? '').flatMap(([names = '']) => codesIn(names));
    const sortFields = codesIn(section(api, '### Sorting'));

    // Both tables are private, so the test reads them from the source. The next test uses the documented operators.
    const [fieldTable = ''] = matches(
      read('src/chat/contract/messages/query.ts'),
      /filterFields[^{]+\{(.+?)\n\};/gsu,
    );
    const [operatorTable = ''] = matches(
      read('src/chat/contract/messages/filter-syntax.ts'),
      /const operators[^{]+\{(.+?)\n\};/gsu,
    );
    expect(fields.sort()).toEqual(matches(fieldTable, /^ {2}'?([\w.]+)'?:/gmu).sort());
    expect(operators.sort()).toEqual(matches(operatorTable, /^ {2}(\$\w+):/gmu).sort());
    expect(() => parseMessagePageRequest({ sort: 'nothing' })).toThrow(
      `sort can name ${sortFields.join(', ')};`,
    );
  });

  it('lists correctly which operators apply to which kind of field', () => {
    const [fieldRows, operatorRows] = section(api, '### Filters').split('| operators | apply to |');
    const kinds = rows(fieldRows ?? '').flatMap(([names = '', kind = '']) =>
      codesIn(names).map((name) => [name, kind.split(/[,:]/u)[0] ?? ''] as const),
    );
    const values: Record<string, string> = {
      text: 'a',
      integer: '1',
      date: '2026-01-31',
      boolean: 'true',
      reference: '1',
    };
    for (const [names = '', applyTo = ''] of rows(operatorRows ?? '')) {
      for (const operator of codesIn(names)) {
        for (const [field, kind] of kinds) {
          const value = operator.toLowerCase().endsWith('null') ? 'true' : (values[kind] ?? '');
          const condition = { [operator]: operator === '$between' ? [value, value] : value };
          const filters = field.split('.').reduceRight<object>((inner, key) => ({ [key]: inner }), condition);
          const shouldFit = applyTo.startsWith('everything') || applyTo.split(/, /u).includes(kind);

          expect([field, operator, fits({ filters })]).toEqual([field, operator, shouldFit]);
        }
      }
    }
  });

  it('states the same defaults of the limits as .env.example', () => {
    const limits = rows(section(api, '## Limits'));

    expect(limits.length).toBeGreaterThan(5);
    for (const [, name = '', value] of limits) {
      const [variable = ''] = codesIn(name);
      expect(`${variable}=${value}`).toBe(
        environmentExample
          .split('\n')
          .find((line) => line.startsWith(`# ${variable}=`))
          ?.slice(2),
      );
    }
  });
});

describe('docs/build-your-app.md', () => {
  it('says exactly once what to do after each error code', () => {
    const named = codesIn(section(read('docs/build-your-app.md'), '## Errors')).filter((code) =>
      Object.hasOwn(chatErrors, code),
    );

    expect(named.sort()).toEqual(Object.keys(chatErrors).sort());
  });
});

/** Returns the keys of an object, or of one event, as the OpenAPI document shows them. */
function documentedKeys(schema: z.ZodType, event?: string): string[] {
  const { properties, oneOf = [] } = z.toJSONSchema(schema) as DocumentedSchema;
  const ofEvent = oneOf.find((option) => option.properties?.['event']?.const === event);
  return Object.keys(properties ?? ofEvent?.properties ?? {});
}

interface DocumentedSchema {
  readonly properties?: Readonly<Record<string, { readonly const?: string }>>;
  readonly oneOf?: readonly DocumentedSchema[];
}

describe('the OpenAPI document', () => {
  it.each(Object.entries(events))('has exactly the fields of the event %s', (name, event) => {
    expect(documentedKeys(schemas.streamEvent, name).sort()).toEqual(Object.keys(event).sort());
  });

  it('has exactly the keys of a message', () => {
    const reply = toMessageReply(message(), {
      owner: ada,
      characters: new Map([[keeper.documentId, keeper]]),
      exposePrompt: true,
      links,
    });

    expect(documentedKeys(schemas.messageReply)).toEqual(Object.keys(reply));
    expect(documentedKeys(characterReply)).toEqual(Object.keys(reply.ai_character ?? {}));
    expect(documentedKeys(userReply)).toEqual(Object.keys(reply.user));
  });
});

/** Says how each document with examples is tested. A document of `lines` has examples that take minutes or never end. */
const examples = {
  run: [
    'clients/examples/README.md',
    'clients/typescript/README.md',
    'docs/ai-sdk.md',
    'docs/build-your-app.md',
    'docs/dify-api.md',
    'docs/existing-clients.md',
    'docs/http-api.md',
    'docs/openai-api.md',
    'docs/services.md',
    'docs/websocket.md',
    'tests/dify-emulator/README.md',
  ],
  lines: [
    'docs/plugin.md',
    'README.md',
    'CONTRIBUTING.md',
    'bench/README.md',
    'docs/operations.md',
    'tests/upgrade/README.md',
  ],
};
const exampleLanguages = ['sh', 'js', 'ts'];
/** The parts of such documents that tests/app/examples.test.ts runs. */
const runParts = ['Your first call in five minutes', 'The Dify emulator'];

/** Returns the shell lines of a document that no test runs, without their comments. */
function shellLinesOf(file: string): string[] {
  return codeBlocks(read(file))
    .filter(({ language, heading }) => exampleLanguages.includes(language) && !runParts.includes(heading))
    .flatMap(({ code }) => code.split('\n'))
    .map((line) => line.replace(/ +#.*$/u, '').trim())
    .filter((line) => line !== '');
}

const { scripts } = JSON.parse(read('package.json')) as { readonly scripts: Record<string, string> };
const testFiles = readdirSync(path.join(root, 'tests'), { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.test.ts'))
  .map((file) => `tests/${file}`);

/** Checks that all that a command names exists. @throws Error for a command that this test does not know. */
function expectToExist(command: string): void {
  const [, script, args = ''] = /^npm (?:run )?([\w:-]+)(?: -- (.*))?$/u.exec(command) ?? [];
  const [, pattern, project, name = ''] =
    /^npx jest (\S+) --selectProjects (\w+)(?: -t "(.*)")?$/u.exec(command) ?? [];
  const [, program] = /^npx tsx (\S+)/u.exec(command) ?? [];
  const [, compose] = /^docker compose (.+)$/u.exec(command) ?? [];
  if (command === 'npm ci') return;
  if (script !== undefined) {
    expect(scripts).toHaveProperty([script]);
    if (script === 'bench') parseOptions(args.split(' ').filter((arg) => arg !== ''));
    else if (script === 'history') parseCommand(args.split(' '));
    else expect(args).toBe('');
  } else if (pattern !== undefined) {
    const found = testFiles.filter((file) => new RegExp(pattern, 'u').test(file));
    expect(found.filter((file) => read(file).includes(name))).not.toEqual([]);
    expect(read('jest.config.mjs')).toContain(`displayName: '${project}'`);
  } else if (compose !== undefined) {
    const [, service, inside] = /^exec (\w+) (.+)$/u.exec(compose) ?? [];
    if (inside === undefined) return expect(existsSync(path.join(root, 'compose.yaml'))).toBe(true);
    expect(read('compose.yaml')).toContain(`\n  ${service}:\n`);
    expectToExist(inside);
  } else if (program !== undefined) expect(existsSync(path.join(root, program))).toBe(true);
  else if (command.startsWith('node ')) expect(command).toBe(`node ${startArgs(root).join(' ')}`);
  else throw new Error(`No test runs this example: ${command}`);
}

describe('the examples of the documents', () => {
  it('are in languages that a test knows', () => {
    const others = ['json', 'text', 'sql', 'nginx', 'dotenv', 'mermaid', 'yaml', 'ini'];
    const used = allDocuments.flatMap((file) => codeBlocks(read(file)).map(({ language }) => language));

    expect(used.filter((language) => ![...exampleLanguages, ...others].includes(language))).toEqual([]);
  });

  it('are in documents that a test runs', () => {
    const withExamples = allDocuments.filter((file) =>
      codeBlocks(read(file)).some(({ language }) => exampleLanguages.includes(language)),
    );

    expect(withExamples.sort()).toEqual([...examples.run, ...examples.lines].sort());
    const runners = [
      'tests/app/examples.test.ts',
      'tests/clients/examples.test.ts',
      'tests/clients/package.test.ts',
    ]
      .map(read)
      .join('\n');
    expect(examples.run.filter((file) => !runners.includes(`blocksOf('${file}')`))).toEqual([]);
  });

  it.each(examples.lines)('of %s name scripts, files and options that exist', (file) => {
    const commands = shellLinesOf(file)
      .filter((line) => !/^(?:export|for|done)\b/u.test(line))
      .flatMap((line) => line.replace(/^(?:[A-Z_]+=\S+ )+/u, '').split(' && '));

    expect(commands).not.toEqual([]);
    for (const command of commands) expectToExist(command);
  });
});

describe('docs/operations.md', () => {
  const blockIn = (language: string) =>
    codeBlocks(read('docs/operations.md')).find((block) => block.language === language)?.code ?? '';

  it('has mail settings that the server accepts', () => {
    const variables = parseEnv(blockIn('dotenv'));

    expect(readMailConfig((name) => variables[name])).toMatchObject({
      settings: { defaultFrom: 'Chat <chat@example.com>' },
    });
  });

  const isInstalled = spawnSync('nginx', ['-v']).error === undefined;
  if (!isInstalled)
    process.stderr.write('nginx is not installed: the test of its configuration is skipped.\n');

  (isInstalled ? it : it.skip)('has a location that nginx accepts', () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'chat-nginx-'));
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
      .map((name) => `${name}_temp_path ${folder}/${name};`)
      .join('\n');
    const server = `server { listen unix:${folder}/socket;\n${blockIn('nginx')} }`;
    const file = path.join(folder, 'nginx.conf');
    writeFileSync(file, `pid ${folder}/pid;\nevents {}\nhttp { access_log off;\n${temporary}\n${server} }\n`);
    const { status, stderr } = spawnSync('nginx', ['-t', '-e', 'stderr', '-p', folder, '-c', file], {
      encoding: 'utf8',
    });
    rmSync(folder, { recursive: true });

    expect([status, stderr]).toEqual([0, expect.stringContaining('is successful')]);
  });
});

describe('docs/contract.md', () => {
  const findTestFile = (name: string) =>
    [`tests/${name}.test.ts`, `tests/${name}.ts`, name].find((file) => existsSync(path.join(root, file)));
  const isTestOf = (file: string, name: string) =>
    ["'", '"', '`'].some((quote) => read(file).includes(`${quote}${name}`));
  const sections = read('docs/contract.md')
    .split(/^## /mu)
    .slice(1)
    .map((text) => ({ title: text.slice(0, text.indexOf('\n')), text }));

  it.each(sections)('has a verdict and existing tests for each point of "$title"', ({ text }) => {
    const [ownFile = ''] = matches(text, /Tests: `([^`]+)`/gu);
    const points = rows(text);

    expect(points.length).toBeGreaterThan(20);
    for (const [point, verdict = '', tests = '', ...more] of points) {
      const [, otherFile, names = ''] = /^(?:`([^`]+)`: )?(.+)$/u.exec(tests) ?? [];
      const file = findTestFile(otherFile ?? ownFile);
      const missing = codesIn(names).filter((name) => file === undefined || !isTestOf(file, name));

      expect([point, verdict, missing, codesIn(names).length > 0, more]).toEqual([
        point,
        expect.stringMatching(/^(kept|differs|not kept)$/u),
        [],
        true,
        [],
      ]);
    }
  });
});

describe('docs/decisions/README.md', () => {
  it('lists all decisions in order', () => {
    const files = readdirSync(path.join(root, 'docs/decisions')).filter((file) => /^\d/u.test(file));

    expect(matches(read('docs/decisions/README.md'), /\]\((\d[^)]+)\)/gu)).toEqual(files.sort());
  });
});

describe.each(documents)('%s', (file) => {
  const text = read(file);

  it('links to files and headings that exist', () => {
    const targets = matches(withoutCode(text), /\]\(([^)\s]+)\)/gu).filter(
      (target) => !target.includes('://'),
    );
    for (const target of targets) {
      const [name = '', anchor] = target.split('#');
      const absolute = name === '' ? path.join(root, file) : path.resolve(root, path.dirname(file), name);

      expect([target, existsSync(absolute)]).toEqual([target, true]);
      if (anchor !== undefined) expect(anchorsOf(readFileSync(absolute, 'utf8'))).toContain(anchor);
    }
  });

  it('names npm scripts that exist', () => {
    const named = matches(
      text,
      /\bnpm (?:run (?:--silent )?)?((?<=run (?:--silent )?)(?!-)[\w:-]+|(?:test|start)\b)/gu,
    );

    expect(named.filter((name) => !Object.hasOwn(scripts, name))).toEqual([]);
  });

  it('names environment variables that .env.example explains', () => {
    const explained = new Set(matches(environmentExample, /^(?:# )?([A-Z][A-Z0-9_]*)=/gmu));
    const named = [
      ...matches(text, /(?<![\w/.-])([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)(?![\w*])/gu),
      ...matches(text, /^(?:export )?([A-Z]{3,})=/gmu),
    ];
    const ofProxies = ['HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY', 'NO_PROXY'];
    const ofExamples = [
      'API',
      'JWT',
      'REFRESH',
      'CHARACTER',
      'SESSION',
      'TURN',
      'QUESTION',
      'FILE',
      'MESSAGE',
      'KEY',
      'CONVERSATION',
      'TODAY',
      'TOKEN',
    ];
    const ofDify = ['APP_MAX_EXECUTION_TIME', 'SERVER_WORKER_AMOUNT', 'SERVER_WORKER_CONNECTIONS'];
    const ofOthers = [...pluginSettingNames, ...ofProxies, ...ofDify, 'NODE_ENV', 'ENV_PATH', ...ofExamples];
    const ofTests = ['FAULTS_SEED'];

    expect(named.filter((name) => !explained.has(name) && ![...ofOthers, ...ofTests].includes(name))).toEqual(
      [],
    );
  });

  it('contains only paths of existing files in backticks', () => {
    const named = matches(text, /`((?:src|tests|config|scripts|docs|public)\/[\w./-]+)`/gu);

    expect(named.filter((name) => !existsSync(path.join(root, name)))).toEqual([]);
  });

  it('has lines of at most 120 characters', () => {
    expect(text.split('\n').filter((line) => [...line].length > 120)).toEqual([]);
  });

  it('has valid JSON in its JSON samples', () => {
    for (const json of matches(text, /^```json\n(.*?)^```$/gmsu))
      expect(() => JSON.parse(json)).not.toThrow();
  });

  it('names error codes that exist', () => {
    const named = codesIn(withoutCode(text)).filter(
      (code) =>
        /^(upstream|character|session|turn|process|server|database)-[a-z-]+$/u.test(code) &&
        code !== 'character-chat-client',
    );

    expect(named.filter((code) => !Object.hasOwn(chatErrors, code as ChatErrorCode))).toEqual([]);
  });
});
