import { z } from 'zod';

import type { ChatErrorCode, RequestSettings, TokenScope } from '../chat';

/** What the OpenAPI document says about a route, beside what Strapi reads from `request` and `response`. */
export interface Operation {
  /** Unique in the document. Generated clients name a function by it. */
  readonly id: string;
  readonly summary: string;
  /** What happens, for a caller: side effects, order, what a second call does. */
  readonly description?: string;
  readonly headers?: readonly ('Idempotency-Key' | 'Last-Event-ID')[];
  /** Parameters of Strapi's own routes that users may not send. */
  readonly forbidden?: readonly string[];
  readonly reply: RouteReply;
  /** The errors of this route. `route-errors.ts` has those of all routes. */
  readonly errors?: readonly ChatErrorCode[];
  /** Statuses of errors of Strapi, which have no code. */
  readonly statuses?: readonly number[];
}

/** The successful replies of a route. */
export interface RouteReply {
  /** A schema, or the name of a component. */
  readonly json?: z.ZodType | string;
  /** The status of the JSON. Default: 200. */
  readonly status?: 201;
  /** Another status with the same JSON. */
  readonly alsoWith?: 503;
  /** The component for one event of an event stream. */
  readonly events?: string;
  /** The component for one line of JSON Lines. */
  readonly lines?: string;
  readonly file?: true;
  /** The status of a reply without a body. */
  readonly empty?: 101 | 204;
}

/** What `userRoute` needs to describe a route. */
export interface RouteDescription extends Operation {
  /** The scope that a personal token needs, if the method does not say it. `none` refuses every personal token. */
  readonly tokenScope?: TokenScope | 'none';
  /** Parameters of the query string, as the parser takes them. */
  readonly query?: Readonly<Record<string, z.ZodType>>;
  /** The parser of a JSON body. */
  readonly body?: z.ZodType;
  /** The schema of a form with files. */
  readonly form?: z.ZodType;
}

/** The request of a route, as Strapi's generator reads it. */
export interface RouteRequest {
  readonly params?: Readonly<Record<string, z.ZodType>>;
  readonly query?: Readonly<Record<string, z.ZodType>>;
  readonly body?: Readonly<Record<string, z.ZodType>>;
}

export function toRequest(path: string, { query, body, form }: RouteDescription): RouteRequest {
  const names = [...path.matchAll(/:(\w+)/gu)].map(([, name = '']) => name);
  return {
    params: Object.fromEntries(names.map((name) => [name, z.string()])),
    ...(query !== undefined && {
      query: Object.fromEntries(Object.entries(query).map(([name, parser]) => [name, inputOf(parser)])),
    }),
    ...(body !== undefined && { body: { 'application/json': inputOf(body) } }),
    ...(form !== undefined && { body: { 'multipart/form-data': form } }),
  };
}

/** The file of a form. */
export const fileInForm = z.any().meta({
  type: 'string',
  contentMediaType: 'application/octet-stream',
  description: 'One file, with its name.',
});

/** Settings of parsers for the document. It states no limit that an operator can set. */
export const anyLimits: RequestSettings = {
  maxQueryChars: Number.MAX_SAFE_INTEGER,
  maxInputsChars: Number.MAX_SAFE_INTEGER,
  maxFiles: Number.MAX_SAFE_INTEGER,
};

/**
 * Returns a schema of what a parser takes. Strapi's generator shows what a schema returns, and refuses one that
 * transforms its value.
 */
function inputOf(parser: z.ZodType): z.ZodType {
  const { $schema: _, ...json } = z.toJSONSchema(parser, {
    io: 'input',
    unrepresentable: 'any',
    override: ({ zodSchema, jsonSchema }) => {
      if (!(zodSchema instanceof z.ZodObject)) return;
      const required = requiredKeysOf(zodSchema);
      if (required.length > 0) jsonSchema.required = required;
      else delete jsonSchema.required;
    },
  });
  const schema = isOptional(parser) ? z.any() : z.any().refine((value) => value !== undefined);
  return schema.meta(json);
}

const isOptional = (parser: z.ZodType): boolean => parser.safeParse(undefined).success;

/** A parser that begins with a function seems to require its key, so try each. */
function requiredKeysOf({ shape }: z.ZodObject): string[] {
  return Object.entries(shape).flatMap(([name, parser]) => (isOptional(parser as z.ZodType) ? [] : [name]));
}
