import { randomUUID } from 'node:crypto';
import { invalidParam } from './errors';

/** `agent` is the "New Agent": it streams like `agent-chat`, then sends the whole answer once more. */
export type AppMode = 'chat' | 'agent-chat' | 'agent' | 'advanced-chat' | 'completion' | 'workflow';

export type FormField = {
  readonly type: 'text-input' | 'paragraph' | 'select' | 'number';
  readonly variable: string;
  readonly label?: string;
  readonly required?: boolean;
  readonly maxLength?: number;
  readonly options?: readonly string[];
};

export type AppSpec = {
  readonly key: string;
  readonly mode: AppMode;
  /** The id in addresses of the console. Default: a random one. */
  readonly id?: string;
  readonly name?: string;
  readonly description?: string;
  /** The variables that the app declares. It drops other inputs. Default: an optional `prompt`. */
  readonly form?: readonly FormField[];
  readonly openingStatement?: string;
  /** Shown with the opening statement. */
  readonly suggestedQuestions?: readonly string[];
  /** Default false: GET /messages/:id/suggested is refused, as in a new Dify app. */
  readonly suggestsQuestions?: boolean;
  /** Default true. If false, every call gets 403. */
  readonly apiEnabled?: boolean;
  /** Maximum of concurrent replies of the app. Default 0: no limit. */
  readonly maxActiveRequests?: number;
  /** Default false: the app ignores the files of a question, as a new Dify app does. */
  readonly takesFiles?: boolean;
  /** The words that Dify looks for in questions and answers, and the answers that replace them. Default: no words. */
  readonly moderation?: Moderation;
};

export type Moderation = {
  readonly words: readonly string[];
  readonly onQuestion: string;
  readonly onAnswer: string;
};

export type App = Required<AppSpec> & { readonly workflowId: string };

const promptField: FormField = { type: 'paragraph', variable: 'prompt', label: 'Character prompt' };

/** One app for each mode that a chat client meets. The first one is the default app. */
export const defaultApps: readonly AppSpec[] = [
  { key: 'app-emulated-chat', mode: 'chat', name: 'Characters' },
  { key: 'app-emulated-agent-chat', mode: 'agent-chat', name: 'Characters with tools' },
  { key: 'app-emulated-advanced-chat', mode: 'advanced-chat', name: 'Characters as a chatflow' },
  { key: 'app-emulated-agent', mode: 'agent', name: 'Characters as a new agent' },
];

export function toApp(spec: AppSpec): App {
  return {
    id: randomUUID(),
    workflowId: randomUUID(),
    name: 'Emulated app',
    description: 'Answered by the Dify emulator.',
    form: [promptField],
    openingStatement: '',
    suggestedQuestions: [],
    suggestsQuestions: false,
    apiEnabled: true,
    maxActiveRequests: 0,
    takesFiles: false,
    moderation: { words: [], onQuestion: '', onAnswer: '' },
    ...spec,
  };
}

export type Inputs = Readonly<Record<string, unknown>>;

/** Returns the declared variables, with `null` for missing ones. Throws for a value of the wrong type. */
export function keepDeclaredInputs(app: App, given: Inputs): Inputs {
  return Object.fromEntries(
    app.form.map((field) => [field.variable, checkInput(field, given[field.variable])]),
  );
}

function checkInput(field: FormField, value: unknown): unknown {
  const { type, variable, maxLength, options } = field;
  if (value === undefined || value === null) {
    if (field.required) throw invalidParam(`${variable} is required in input form`);
    return null;
  }
  if (type === 'number') return toNumber(variable, value);
  if (typeof value !== 'string') {
    throw invalidParam(`(type '${type}') ${variable} in input form must be a string`);
  }
  if (maxLength !== undefined && [...value].length > maxLength) {
    throw invalidParam(`${variable} in input form must be less than ${maxLength} characters`);
  }
  if (type === 'select' && !options?.includes(value)) {
    const choices = (options ?? []).map((option) => `'${option}'`).join(', ');
    throw invalidParam(`${variable} in input form must be one of the following: [${choices}]`);
  }
  return value.replaceAll('\u0000', '');
}

function toNumber(variable: string, value: unknown): unknown {
  if (typeof value === 'number' || value === '') return value;
  if (typeof value === 'string' && Number.isFinite(Number(value))) return Number(value);
  throw invalidParam(`${variable} in input form must be a valid number`);
}
