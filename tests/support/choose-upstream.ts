import type { App } from './app';

/** The columns of `ai_characters` with the upstream. */
export interface UpstreamColumns {
  readonly upstream?: 'dify' | 'dify-console' | 'openai' | null;
  readonly upstream_app_id?: string | null;
  readonly upstream_key?: string | null;
  readonly model?: string | null;
}

const unset: Required<UpstreamColumns> = {
  upstream: null,
  upstream_app_id: null,
  upstream_key: null,
  model: null,
};

/** Lets another upstream answer for a character, as an editor does who publishes it. The server must not cache it. */
export async function chooseUpstream(
  { db }: Pick<App, 'db'>,
  documentId: string,
  columns: UpstreamColumns,
): Promise<void> {
  await db('ai_characters')
    .where({ document_id: documentId })
    .update({ ...unset, ...columns, updated_at: new Date() });
}
