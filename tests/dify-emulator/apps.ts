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
  readonly name?: string;
  readonly description?: string;
  /** The variables the app declares; any other input is dropped. Default: an optional `prompt`. */
  readonly form?: readonly FormField[];
  readonly openingStatement?: string;
  /** Default false: GET /messages/:id/suggested is refused, as on a new Dify app. */
  readonly suggestsQuestions?: boolean;
  /** Default true; false answers 403 to every call. */
  readonly apiEnabled?: boolean;
  /** Replies the app gives at the same time; 0, the default, means no limit. */
  readonly maxActiveRequests?: number;
};

export type App = Required<AppSpec>;

const promptField: FormField = { type: 'paragraph', variable: 'prompt', label: 'Character prompt' };

/** One app per mode a chat client meets. The first is the default app. */
export const defaultApps: readonly AppSpec[] = [
  { key: 'app-emulated-chat', mode: 'chat', name: 'Characters' },
  { key: 'app-emulated-agent-chat', mode: 'agent-chat', name: 'Characters with tools' },
  { key: 'app-emulated-advanced-chat', mode: 'advanced-chat', name: 'Characters as a chatflow' },
  { key: 'app-emulated-agent', mode: 'agent', name: 'Characters as a new agent' },
];

export function toApp(spec: AppSpec): App {
  return {
    name: 'Emulated app',
    description: 'Answered by the Dify emulator.',
    form: [promptField],
    openingStatement: '',
    suggestsQuestions: false,
    apiEnabled: true,
    maxActiveRequests: 0,
    ...spec,
  };
}

export type Inputs = Readonly<Record<string, unknown>>;

/** Keeps the declared variables, `null` where one was not given, and refuses values of the wrong kind. */
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
