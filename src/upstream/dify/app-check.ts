import type { UpstreamProblem } from '../../chat/ports/upstream';
import type { DifySettings } from '../../chat/settings';
import { shortCall, type ShortReply } from '../http/short-call';
import { parseJson } from '../http/parse-json';
import { parseInputForm, takesFiles, type InputVariable } from './schema';
import { isRefusal, requireOk, timeoutMs } from './short-reply';

/** Prompts of characters are longer than this. 48 is Dify's default for a short text. */
const usualPromptChars = 1_000;

/**
 * Checks whether the Dify app takes the prompts of characters. It runs no model: `GET /conversations` is refused by an
 * app that does not chat, and `GET /parameters` returns the variables. Dify answers without the character if the app
 * does not declare the variable.
 * @param promptChars the length of the longest prompt.
 * @param onForm gets the variables of the app.
 * @throws ChatError `upstream-…` if a request fails for another reason than the key.
 */
export async function findAppProblem(
  settings: DifySettings,
  promptChars = usualPromptChars,
  onForm: (form: readonly InputVariable[]) => void = () => undefined,
): Promise<UpstreamProblem | null> {
  const { promptInput } = settings;
  const list = await get(settings, '/conversations');
  if (isRefusal(list, 401, 'unauthorized')) return keyRefused;
  if (isRefusal(list, 403, 'forbidden')) return apiOff;
  if (isRefusal(list, 400, 'not_chat_app')) return modeWrong;
  requireOk(list);
  const form = await readInputForm(settings);
  onForm(form);
  const variable = form.find(({ name }) => name === promptInput);
  if (variable === undefined) return variableMissing(promptInput);
  const { maxChars = promptChars } = variable;
  return maxChars < promptChars ? variableShort(promptInput, maxChars, promptChars) : null;
}

/** Reads the variables of the app. @throws ChatError `upstream-…` if the request fails. */
export async function readInputForm(settings: DifySettings): Promise<readonly InputVariable[]> {
  return parseInputForm(requireOk(await get(settings, '/parameters')));
}

/** Reads whether the app takes files. @throws ChatError `upstream-…` if the request fails. */
export async function readTakesFiles(settings: DifySettings): Promise<boolean> {
  return takesFiles(parseJson(requireOk(await get(settings, '/parameters'))));
}

function get(settings: DifySettings, path: string): Promise<ShortReply> {
  return shortCall(settings, timeoutMs, (call) => call.get(path, { user: 'character-chat', limit: '1' }));
}

const keyRefused: UpstreamProblem = {
  code: 'key-refused',
  message: 'Dify refuses the API key. Copy a key of the app from the page "API access" of Dify.',
};

const apiOff: UpstreamProblem = {
  code: 'api-off',
  message: 'The API of the Dify app is switched off. Switch it on at the page "API access" of the app.',
};

const modeWrong: UpstreamProblem = {
  code: 'app-mode-wrong',
  message:
    'The Dify app does not chat: it is a workflow or a text generator. ' +
    'Use the key of a chat app, an agent or a chatflow.',
};

function variableMissing(promptInput: string): UpstreamProblem {
  return {
    code: 'prompt-variable-missing',
    message:
      `The Dify app declares no variable "${promptInput}", so Dify answers without the character. ` +
      `Add a paragraph variable "${promptInput}" to the app and use it in its prompt, or set DIFY_PROMPT_INPUT.`,
  };
}

function variableShort(promptInput: string, maxChars: number, promptChars: number): UpstreamProblem {
  return {
    code: 'prompt-variable-short',
    message:
      `The variable "${promptInput}" of the Dify app takes ${maxChars} characters, and Dify refuses longer prompts. ` +
      `Make it a paragraph, and raise its maximum length to at least ${promptChars}.`,
  };
}
