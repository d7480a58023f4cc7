import { z } from 'zod';

import { characterSchemas } from '../../api/ai-character/reply';
import { schemas } from '../../chat';
import { accountSchemas } from './account-routes';
import type { Json } from './json';

/** Schemas that no `response` of a route contains. */
const namedSchemas: Readonly<Record<string, z.ZodType>> = {
  ...accountSchemas,
  ...characterSchemas,
  StreamEvent: schemas.streamEvent,
  CompactEvent: schemas.compactEvent,
  AnswerEvent: z.union([schemas.streamEvent, schemas.compactEvent]),
  AiSdkPart: schemas.aiSdkPart,
  DifyEvent: schemas.difyEvent,
  OpenAIEvent: schemas.openaiEvent,
  ExportLine: schemas.exportLine,
};

const path = '#/components/schemas/';
/** The place where zod puts the schemas with an id that `namedSchemas` contain. */
const shared = '__shared';

/** Converts these schemas as Strapi's generator converts the replies of routes. */
export function createComponents(): Readonly<Record<string, unknown>> {
  const registry = z.registry<{ id: string }>();
  for (const [id, schema] of Object.entries(namedSchemas)) registry.add(schema, { id });
  const converted = z.toJSONSchema(registry, { target: 'draft-2020-12', uri: (id) => `${path}${id}` });
  const text = JSON.stringify(converted.schemas).replaceAll(`${path}${shared}#/$defs/`, path);
  const { [shared]: others, ...own } = JSON.parse(text) as Readonly<Record<string, Json>>;
  const all = { ...own, ...(others?.['$defs'] as Json | undefined) } as Readonly<Record<string, Json>>;
  return Object.fromEntries(Object.entries(all).map(([name, { $id: _, ...schema }]) => [name, schema]));
}
