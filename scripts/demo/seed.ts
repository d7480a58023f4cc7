import type { CharacterText } from './characters';
import type { Api } from './http';
import { DemoError } from './screen';

const characters = '/content-manager/collection-types/api::ai-character.ai-character';

/**
 * Creates the characters that are not there yet, published. What an editor made of the others stays.
 * @returns how many it created.
 */
export async function seedCharacters(
  api: Api,
  token: string,
  texts: readonly CharacterText[],
): Promise<number> {
  let created = 0;
  for (const text of texts) {
    const query = new URLSearchParams({ 'filters[name][$eq]': text.name, pageSize: '1' });
    const found = await api.request<{ results: readonly unknown[] }>(`${characters}?${query.toString()}`, {
      token,
    });
    if (found.results.length > 0) continue;
    await api.request(`${characters}/actions/publish`, { token, body: text });
    created += 1;
  }
  return created;
}

/** A character as a user sees it. */
export interface PublishedCharacter {
  readonly documentId: string;
  readonly name: string;
  readonly questions: readonly [string, string];
}

/** @returns the published character to ask: the first of `texts` that is there, else any. */
export async function findCharacter(
  api: Api,
  token: string,
  texts: readonly CharacterText[],
): Promise<PublishedCharacter> {
  const { data } = await api.request<{ data: readonly { documentId: string; name: string }[] }>(
    '/api/ai-characters?pagination[pageSize]=100',
    { token },
  );
  const ours = texts.flatMap((text) => data.find(({ name }) => name === text.name) ?? []);
  const character = ours[0] ?? data[0];
  if (character === undefined) {
    throw new DemoError(
      'No AI character is published. Publish one in the admin panel, or delete demo.db and demo.history.db.',
    );
  }
  const text = texts.find(({ name }) => name === character.name);
  const [first = 'Who are you?', second = 'What do you like?'] = text?.suggested_questions ?? [];
  return { documentId: character.documentId, name: character.name, questions: [first, second] };
}
