import type { CharacterText } from './characters';
import type { Api } from './http';
import { DemoError } from './screen';

const characters = '/content-manager/collection-types/api::ai-character.ai-character';

/**
 * Creates and publishes the characters that do not exist. Keeps changes of editors to existing ones.
 * @returns the number of created characters.
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
  readonly question: string;
}

/** @returns the published character to ask: the first existing one of `texts`, or any other. */
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
  const [question = 'Who are you?'] = text?.suggested_questions ?? [];
  return { documentId: character.documentId, name: character.name, question };
}
