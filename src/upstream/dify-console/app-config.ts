import { LRUCache } from 'lru-cache';
import { z } from 'zod';

import { ChatError } from '../../chat/errors';
import type { UpstreamQuestion } from '../../chat/ports/upstream';
import { parseJson } from '../http/parse-json';

const record = z.record(z.string(), z.unknown());
const emptyRecord = record.catch({});

/** The operator sees it. */
const mode = z.string().transform((given) => (/^[a-z-]{1,32}$/u.test(given) ? given : 'unknown'));

const appSchema = z.object({ mode, model_config: emptyRecord });

/** A Dify app, as `GET /apps/:app_id` of the console shows it. */
export type ConsoleApp = z.output<typeof appSchema>;

/** @throws ChatError `upstream-malformed` if the body is no app. */
export function parseApp(body: string): ConsoleApp {
  const parsed = appSchema.safeParse(parseJson(body));
  if (!parsed.success) throw new ChatError('upstream-malformed');
  return parsed.data;
}

/** An editor who changes an app in Dify sees the effect within this time. */
const ttlMs = 60_000;
const maxApps = 1_000;

/** Returns a function that reads an app, or takes it from the cache. Callers at the same time share one read. */
export function cacheApps(
  read: (appId: string) => Promise<ConsoleApp>,
): (appId: string) => Promise<ConsoleApp> {
  const apps = new LRUCache<string, ConsoleApp>({ max: maxApps, ttl: ttlMs, fetchMethod: read });
  return (appId) => apps.forceFetch(appId);
}

type Asked = Pick<UpstreamQuestion, 'prompt' | 'model' | 'parameters'>;

/**
 * Returns the configuration of one question: that of the app, with the character's prompt and its model. The prompt
 * replaces the text that uses the variables of the app, so none of them is declared or required.
 */
export function toModelConfig({ model_config: own }: ConsoleApp, asked: Asked): Record<string, unknown> {
  return {
    ...own,
    pre_prompt: asked.prompt,
    prompt_type: 'simple',
    chat_prompt_config: {},
    completion_prompt_config: {},
    user_input_form: [],
    model: toModel(own['model'], asked),
  };
}

function toModel(own: unknown, { model, parameters = {} }: Asked): Record<string, unknown> {
  const known = emptyRecord.parse(own);
  if (model !== undefined) {
    const { name, provider = known['provider'] } = model;
    return { provider, name, mode: 'chat', completion_params: parameters };
  }
  const completion_params = { ...emptyRecord.parse(known['completion_params']), ...parameters };
  return { ...known, completion_params };
}
