import { upstreamKinds, type UpstreamChoice } from '../../chat';
import { parseJsonColumn } from '../sql/json-column';

/** The columns of `ai_characters` that say who answers. */
export const upstreamColumns = [
  'upstream',
  'upstream_app_id',
  'upstream_key',
  'model_provider',
  'model',
  'model_parameters',
  'inputs',
] as const;

export interface UpstreamColumns {
  readonly upstream: string | null;
  readonly upstream_app_id: string | null;
  readonly upstream_key: string | null;
  readonly model_provider: string | null;
  readonly model: string | null;
  readonly model_parameters: unknown;
  readonly inputs: unknown;
}

export function toUpstreamChoice(row: UpstreamColumns & { readonly document_id: string }): UpstreamChoice {
  return {
    characterId: row.document_id,
    kind: upstreamKinds.find((kind) => kind === row.upstream) ?? null,
    appId: orNull(row.upstream_app_id),
    sealedKey: orNull(row.upstream_key),
    modelProvider: orNull(row.model_provider),
    model: orNull(row.model),
    modelParameters: parseRecord(row.model_parameters),
    inputs: parseRecord(row.inputs),
  };
}

/** The admin panel saves an emptied field as an empty text. */
const orNull = (text: string | null): string | null => (text === '' ? null : text);

function parseRecord(column: unknown): Readonly<Record<string, unknown>> | null {
  const value = parseJsonColumn(column);
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : null;
}
