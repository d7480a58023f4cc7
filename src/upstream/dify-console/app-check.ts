import { z } from 'zod';

import type { UpstreamProblem } from '../../chat/ports/upstream';
import { isRefusal, requireOk } from '../dify/short-reply';
import { isSuccess } from '../http/call';
import { parseJson } from '../http/parse-json';
import type { ShortReply } from '../http/short-call';
import { parseApp } from './app-config';
import { getApp, getModels, isAppId, type AppAccess } from './calls';

/** The kinds of app that take a prompt with each question. */
const modes = ['chat', 'agent-chat'];

/**
 * Checks the login to the console, the app, and the model that a character has chosen. It runs no model.
 * @throws ChatError `upstream-…` if a request fails.
 */
export async function findAppProblem(access: AppAccess, model?: string): Promise<UpstreamProblem | null> {
  const { appId, session } = access;
  if (!isAppId(appId)) return unknown(appId);
  const reply = await getApp(access).catch((error: unknown) => {
    const problem = session.problem();
    if (problem === null) throw error;
    return problem;
  });
  if ('message' in reply) return reply;
  if (isRefusal(reply, 404, 'app_not_found')) return unknown(appId);
  return findModeProblem(reply) ?? (model === undefined ? null : findModelProblem(access, model));
}

const modelsSchema = z.object({
  data: z.array(z.object({ models: z.array(z.object({ model: z.string() })) })),
});

/** A version of Dify that lists its models elsewhere reports no problem. */
async function findModelProblem(access: AppAccess, model: string): Promise<UpstreamProblem | null> {
  const { status, body } = await getModels(access);
  const listed = isSuccess(status) ? modelsSchema.safeParse(parseJson(body)).data : undefined;
  const names = listed?.data.flatMap(({ models }) => models.map((one) => one.model));
  if (names === undefined || names.includes(model)) return null;
  return {
    code: 'model-unknown',
    message: `Dify does not list the model "${model}". Set the name of a model that Dify lists, or add it in Dify.`,
  };
}

function unknown(appId: string): UpstreamProblem {
  return {
    code: 'app-unknown',
    message:
      `Dify's console has no app "${appId}" for this account. ` +
      "Copy the id from the address of the app in Dify's console.",
  };
}

function findModeProblem(reply: ShortReply): UpstreamProblem | null {
  const { mode } = parseApp(requireOk(reply));
  if (modes.includes(mode)) return null;
  return {
    code: 'app-mode-wrong',
    message:
      `The Dify app is a "${mode}" app, and its console takes no prompt with a question. ` +
      'Choose an app of the kind "chat" or "agent-chat".',
  };
}
