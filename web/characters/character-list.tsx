import type { Character } from 'character-chat-client';

import { words } from '../i18n';
import { Avatar } from './avatar';
import { characters } from './store';

export interface CharacterListProps {
  readonly onChoose: (character: Character) => void;
}

/** The published characters, to begin a conversation with one. */
export function CharacterList({ onChoose }: CharacterListProps) {
  const { chooseCharacter, noCharacters, loading } = words.value;
  const { value: list } = characters;
  return (
    <section class="start">
      <h1>{chooseCharacter}</h1>
      {list === null && <p class="quiet">{loading}</p>}
      {list?.length === 0 && <p class="quiet">{noCharacters}</p>}
      <ul class="characters">
        {list?.map((character) => (
          <li key={character.documentId}>
            <button type="button" onClick={() => onChoose(character)}>
              <Avatar character={character} name={character.name} />
              <span>
                <b>{character.name}</b>
                <span class="quiet">{character.introduce}</span>
              </span>
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}
