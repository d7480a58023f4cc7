import { isRecord } from '../dify-emulator/requests';
import type { App } from './app';

/** Returns the bodies of all Dify requests with this question, in order. */
export function askedOf({ dify }: App, query: string): readonly Readonly<Record<string, unknown>>[] {
  return dify.requests
    .map(({ body }) => body)
    .filter(isRecord)
    .filter((body) => body['query'] === query);
}
