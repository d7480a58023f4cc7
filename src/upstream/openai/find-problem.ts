import { ChatError } from '../../chat/errors';
import type { CallSettings } from '../../chat/settings';
import type { UpstreamProblem } from '../../chat/ports/upstream';
import { isSuccess } from '../http/call';
import { shortCall } from '../http/short-call';
import { fromOpenAiError } from './errors';
import { parseErrorBody, parseModelNames } from './schema';

const timeoutMs = 5_000;

/** Statuses of a server without a list of models. */
const hasNoList: ReadonlySet<number> = new Set([404, 405, 501]);

/**
 * Checks the key and the name of the model: `GET /models`, which runs no model.
 * @throws ChatError `upstream-…` if the request fails for another reason than the key.
 */
export async function findModelProblem(
  settings: CallSettings,
  model: string,
): Promise<UpstreamProblem | null> {
  const { status, body } = await shortCall(settings, timeoutMs, (call) => call.get('/models', {}));
  if (status === 401 || status === 403) return keyRefused;
  if (hasNoList.has(status)) return null;
  if (!isSuccess(status)) throw fromOpenAiError(parseErrorBody(body), { status, apiKey: settings.apiKey });
  // A page of a proxy. An API without a list answers in JSON.
  if (body.trimStart().startsWith('<')) throw new ChatError('upstream-malformed');
  const names = parseModelNames(body);
  return names === null || spellingsOf(model).some((name) => names.includes(name))
    ? null
    : modelUnknown(model);
}

const keyRefused: UpstreamProblem = {
  code: 'key-refused',
  message: 'The server of the model refuses the API key. Set a key that may use its models.',
};

function modelUnknown(model: string): UpstreamProblem {
  return {
    code: 'model-unknown',
    message: `The server does not list the model "${model}". Set the name of a model that it lists.`,
  };
}

/** Some servers list a model under a longer name than the one they take. */
function spellingsOf(model: string): readonly string[] {
  return [model, `${model}:latest`, `models/${model}`];
}
