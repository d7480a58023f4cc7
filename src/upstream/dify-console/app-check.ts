import type { UpstreamProblem } from '../../chat/ports/upstream';
import { isRefusal, requireOk } from '../dify/short-reply';
import type { ShortReply } from '../http/short-call';
import { parseApp } from './app-config';
import { getApp, isAppId, type AppAccess } from './calls';

/** The kinds of app that take a prompt with each question. */
const modes = ['chat', 'agent-chat'];

/**
 * Checks the login to the console and the app. It runs no model.
 * @throws ChatError `upstream-…` if the request fails.
 */
export async function findAppProblem(access: AppAccess): Promise<UpstreamProblem | null> {
  const { appId, session } = access;
  if (!isAppId(appId)) return unknown(appId);
  const reply = await getApp(access).catch((error: unknown) => {
    const problem = session.problem();
    if (problem === null) throw error;
    return problem;
  });
  if ('message' in reply) return reply;
  return isRefusal(reply, 404, 'app_not_found') ? unknown(appId) : findModeProblem(reply);
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
