/** The shape of an error: Strapi's, the session API's envelope, Dify's, or OpenAI's. */
export type ErrorShape = 'strapi' | 'envelope' | 'dify' | 'openai';

/**
 * The APIs that send errors in a shape of their own, by the paths they have, known and unknown. The text of the path
 * counts, because an error can occur before the route is known.
 */
const shapes: readonly (readonly [paths: RegExp, shape: ErrorShape])[] = [
  // The other paths below `/api/chat` are not of the session API.
  [/^(\/api)?\/(aichat|ws\/|chat\/(?!(search|export|me|tokens|ready|metrics)(\/|$)))/iu, 'envelope'],
  [/^(\/api)?\/(dify\/|console\/api\/apps\/)/iu, 'dify'],
  [/^(\/api)?\/openai\//iu, 'openai'],
];

export function errorShapeOf(path: string): ErrorShape {
  const [, shape = 'strapi'] = shapes.find(([paths]) => paths.test(path)) ?? [];
  return shape;
}
