import { ChatError } from '../../chat/errors';
import { maskSecrets } from '../http/mask-secrets';
import type { DifyErrorBody } from './schema';

/** The values that the server sent for the variables of the Dify app. */
interface SentInputs {
  /** Those of the client. */
  readonly inputs: Readonly<Record<string, unknown>>;
  /** Those of the character, unless the client replaces them. */
  readonly characterInputs?: Readonly<Record<string, unknown>>;
  /** The variable that receives the character's prompt. */
  readonly promptInput: string;
}

/** Matches e.g. "city is required in input form", "(type 'paragraph') city in input form must be a string". */
const refusal = /^(?:\(type '[^']*'\) )?(\S{1,100}) (is required )?in input form(?: (.*))?$/su;

/**
 * Converts a refusal over the value of a variable. Returns undefined for every other error.
 * A value of the client is the client's error. A value of the character, and one that nobody sent, are for the operator.
 */
export function fromRefusedInput(
  status: number,
  { code, message = '' }: DifyErrorBody,
  { inputs, characterInputs = {}, promptInput }: SentInputs,
): ChatError | undefined {
  const [, variable, required, rest = ''] = refusal.exec(message) ?? [];
  if (code !== 'invalid_param' || variable === undefined) return undefined;
  const problem = required === undefined ? problemOf(rest) : 'must have a value';
  if (variable !== promptInput && Object.hasOwn(inputs, variable)) {
    return new ChatError('invalid-request', {
      sentence: `inputs.${variable} ${problem}.`,
      details: { variable },
    });
  }
  return new ChatError('upstream-misconfigured', {
    cause: {
      upstreamStatus: status,
      upstreamCode: code,
      upstreamMessage: maskSecrets(message),
      remedy: remedyOf(variable),
    },
  });

  function remedyOf(name: string): string {
    if (name === promptInput)
      return `The prompt of the character ${problem}. Change the variable "${name}" in Dify: make it a paragraph, and raise its maximum length.`;
    if (Object.hasOwn(characterInputs, name))
      return `The value of the variable "${name}" ${problem}. Change it in the field "Inputs" of the character.`;
    return `The Dify app requires the variable "${name}". Make it optional in Dify, or let clients send it in inputs.`;
  }
}

/** Returns what is wrong with the value, without Dify's words. */
function problemOf(rest: string): string {
  const [, most] = /^must be less than (\d+) characters/u.exec(rest) ?? [];
  if (most !== undefined) return `can be at most ${most} characters long`;
  if (rest.startsWith('must be a string')) return 'must be text';
  if (/number/u.test(rest)) return 'must be a number';
  if (rest.startsWith('must be one of')) return 'must be one of the values that the app knows';
  return 'has a value that the app does not take';
}
