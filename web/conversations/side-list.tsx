import { useEffect, useRef, useState } from 'preact/hooks';

import { chosenCharacter } from '../characters/store';
import { words } from '../i18n';
import { navigate } from '../platform/router';
import { Button } from '../ui/button';
import { Icon } from '../ui/icon';
import { showError } from '../ui/toast';
import { groupByAge } from './by-date';
import { ConversationLine } from './conversation-line';
import { SearchHits } from './search';
import { conversations, hasMore, loadMore } from './store';

/** All conversations by date, and the search. */
export function SideList() {
  const [text, setText] = useState('');
  const { newConversation, search } = words.value;
  return (
    <>
      <Button class="new" onClick={startOver}>
        <Icon name="plus" />
        {newConversation}
      </Button>
      <input
        class="search"
        type="search"
        aria-label={search}
        placeholder={search}
        value={text}
        onInput={({ currentTarget }) => setText(currentTarget.value)}
      />
      <div class="side-scroll">
        {text.trim() === '' ? <Conversations /> : <SearchHits text={text.trim()} />}
      </div>
    </>
  );
}

function startOver(): void {
  chosenCharacter.value = null;
  navigate({ page: 'start' });
}

function Conversations() {
  const { value: all } = conversations;
  const { value: dictionary } = words;
  if (all?.length === 0) return <p class="quiet side-note">{dictionary.noConversations}</p>;
  return (
    <>
      {groupByAge(all ?? []).map(({ age, sessions }) => (
        <section key={age}>
          <h2>{dictionary[age]}</h2>
          <ul>
            {sessions.map((session) => (
              <ConversationLine key={session.session_id} session={session} />
            ))}
          </ul>
        </section>
      ))}
      {hasMore.value && <NextPage key={all?.length ?? 0} />}
    </>
  );
}

/** Loads the next page when it comes into view. */
function NextPage() {
  const line = useRef<HTMLParagraphElement>(null);
  useEffect(() => {
    const observer = new IntersectionObserver(([entry]) => {
      if (entry?.isIntersecting) void loadMore().catch(showError);
    });
    if (line.current) observer.observe(line.current);
    return () => observer.disconnect();
  }, []);
  return (
    <p class="quiet side-note" ref={line}>
      {words.value.loading}
    </p>
  );
}
