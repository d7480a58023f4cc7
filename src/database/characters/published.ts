import type { Core } from '@strapi/strapi';

import type { PublishedCharacter, ReadPublished, ReadPublishedVersion } from '../../chat';
import { isMainRow } from './locales';
import { toUpstreamChoice, type UpstreamColumns } from './upstream-choice';

const pageSize = 200;

const columns = [
  'id',
  'document_id',
  'name',
  'upstream',
  'upstream_app_id',
  'upstream_key',
  'model',
] as const;

interface PublishedRow extends Pick<
  UpstreamColumns,
  'upstream' | 'upstream_app_id' | 'upstream_key' | 'model'
> {
  readonly id: number;
  readonly document_id: string;
  readonly name: string | null;
  /** PostgreSQL's driver returns a number, too: the length is no bigint. */
  readonly prompt_chars: number;
}

/** Reads the published characters, each once. The database measures the prompts, so that none of them is in memory. */
export function createReadPublished({ connection }: Pick<Core.Strapi['db'], 'connection'>): ReadPublished {
  return async function* read() {
    let after = 0;
    for (;;) {
      const rows = (await connection
        .from({ p: 'ai_characters' })
        .whereNotNull('p.published_at')
        .whereRaw(isMainRow('p'))
        .where('id', '>', after)
        .whereRaw('length(prompt) > 0')
        .orderBy('id')
        .limit(pageSize)
        .select(...columns, {
          prompt_chars: connection.raw('length(prompt)'),
        })) as PublishedRow[];
      if (rows.length > 0) yield rows.map(toPublished);
      if (rows.length < pageSize) return;
      after = rows.at(-1)?.id ?? after;
    }
  };
}

/** Counts rows for an unpublish. A publish makes a row with a new id. SQL can change only the date. */
export function createReadPublishedVersion({
  connection,
}: Pick<Core.Strapi['db'], 'connection'>): ReadPublishedVersion {
  return async () => {
    const version: unknown = await connection('ai_characters')
      .whereNotNull('published_at')
      .count({ count: '*' })
      .max({ id: 'id', updated: 'updated_at' })
      .first();
    return JSON.stringify(version);
  };
}

function toPublished(row: PublishedRow): PublishedCharacter {
  // No check uses these columns, which can be large.
  const unused = { model_provider: null, model_parameters: null, inputs: null };
  return {
    name: row.name ?? '',
    upstream: toUpstreamChoice({ ...row, ...unused }),
    promptChars: row.prompt_chars,
  };
}
