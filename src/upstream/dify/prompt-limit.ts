import type { PromptLimit } from '../../chat/ports/upstream';
import type { InputVariable } from './schema';

/** Keeps the limit that the app has shown last. */
export interface KnownPromptLimit extends PromptLimit {
  /** Takes the variables of the app, from a request for another purpose. */
  note(form: readonly InputVariable[]): void;
}

/**
 * The maximum length of the variable that receives the prompt. Dify refuses a longer prompt.
 * @param readForm reads the variables of the app.
 */
export function createPromptLimit(
  promptInput: string,
  readForm: () => Promise<readonly InputVariable[]>,
): KnownPromptLimit {
  let last: number | null = null;
  const note: KnownPromptLimit['note'] = (form) => {
    last = form.find(({ name }) => name === promptInput)?.maxChars ?? null;
  };
  return {
    note,
    last: () => last,
    async read() {
      note(await readForm());
      return last;
    },
  };
}
