import { Avatar } from '../characters/avatar';
import { suggestionsOf } from '../characters/store';
import { words } from '../i18n';
import { Markdown } from './markdown/markdown';
import type { MessageListProps } from './message-list';
import { Suggestions } from './suggestions';
import { characterOf } from './thread/open-thread';

/** What the character says of itself, before the first question. */
export function Opening({ thread, onAsk }: MessageListProps) {
  const character = characterOf(thread);
  if (character === null) return null;
  const { opening_statement: opening } = character;
  return (
    <>
      <header class="about">
        <Avatar character={character} name={character.name} />
        <div>
          <b>{character.name}</b>
          <p class="quiet">{character.introduce}</p>
        </div>
      </header>
      {opening && (
        <article class="answer">
          <h2 class="hidden-text">{words.value.saysName(character.name)}</h2>
          <Markdown text={opening} />
        </article>
      )}
      {thread.isEmpty.value && !thread.isLoading.value && (
        <Suggestions label={words.value.suggestions} questions={suggestionsOf(character)} onAsk={onAsk} />
      )}
    </>
  );
}
