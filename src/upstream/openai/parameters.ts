import { z } from 'zod';

import { ChatError } from '../../chat/errors';

const penalty = z.number().min(-2).max(2);
const tokens = z.number().int().min(1);
const stopText = z.string().min(1).max(1_000);

/** The parameters that a character can set. All others belong to this server, or change the kind of answer. */
const parametersSchema = z.object({
  temperature: z.number().min(0).max(2).optional(),
  top_p: z.number().min(0).max(1).optional(),
  /** The answer then ends in the middle of a sentence. It still counts as completed. */
  max_tokens: tokens.optional(),
  max_completion_tokens: tokens.optional(),
  presence_penalty: penalty.optional(),
  frequency_penalty: penalty.optional(),
  seed: z.number().int().optional(),
  stop: z.union([stopText, z.array(stopText).min(1).max(16)]).optional(),
  /** The names depend on the model. */
  reasoning_effort: z.string().min(1).max(32).optional(),
});

export type ModelParameters = z.infer<typeof parametersSchema>;

/**
 * Returns the known parameters. Drops the others.
 * @throws ChatError `upstream-misconfigured` for a value that no model takes. The cause names the parameter.
 */
export function parseParameters(given: Readonly<Record<string, unknown>>): ModelParameters {
  const parsed = parametersSchema.safeParse(given);
  if (parsed.success) return parsed.data;
  const names = namesOf(parsed.error);
  const remedy = `The model takes no such value. Change these parameters of the character: ${names.join(', ')}.`;
  throw new ChatError('upstream-misconfigured', { cause: { remedy } });
}

/** Returns the names of the parameters with a value that no model takes. */
export function findWrongParameters(given: Readonly<Record<string, unknown>>): readonly string[] {
  const parsed = parametersSchema.safeParse(given);
  return parsed.success ? [] : namesOf(parsed.error);
}

const namesOf = ({ issues }: z.ZodError): string[] => [...new Set(issues.map(({ path }) => String(path[0])))];
