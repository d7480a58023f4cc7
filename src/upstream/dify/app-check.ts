import type { UpstreamProblem } from '../../chat/ports/upstream';
import type { GetJson } from './find-answer';
import { parseInputForm } from './schema';

/** Prompts of characters are longer than this. 48 is Dify's default for a short text. */
const usualPromptChars = 1_000;

/**
 * Checks whether the Dify app takes the prompt of a character: `GET /parameters`, which runs no model. Dify answers
 * without the character if the app does not declare the variable.
 * @throws ChatError `upstream-…` if the request fails.
 */
export async function findAppProblem(get: GetJson, promptInput: string): Promise<UpstreamProblem | null> {
  const form = parseInputForm(await get('/parameters', { user: 'character-chat' }));
  const variable = form.find(({ name }) => name === promptInput);
  if (variable === undefined) {
    return {
      code: 'prompt-variable-missing',
      message:
        `The Dify app declares no variable "${promptInput}", so Dify answers without the character. ` +
        `Add a paragraph variable "${promptInput}" to the app and use it in its prompt, or set DIFY_PROMPT_INPUT.`,
    };
  }
  const { maxChars } = variable;
  if (maxChars !== undefined && maxChars < usualPromptChars) {
    return {
      code: 'prompt-variable-short',
      message:
        `The variable "${promptInput}" of the Dify app takes ${maxChars} characters, and Dify refuses longer prompts. ` +
        'Make it a paragraph, and raise its maximum length.',
    };
  }
  return null;
}
