import { isRecord } from '../dify-emulator/requests';
import type { App } from './app';

/** The bodies with which Dify was asked this question, in order. */
export function askedOf({ dify }: App, query: string): readonly Readonly<Record<string, unknown>>[] {
  return dify.requests
    .map(({ body }) => body)
    .filter(isRecord)
    .filter((body) => body['query'] === query);
}
