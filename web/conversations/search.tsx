import { useEffect, useState } from 'preact/hooks';
import type { SearchHit } from 'character-chat-client';

import { words } from '../i18n';
import { client } from '../platform/client';
import { Link } from '../ui/link';
import { showError } from '../ui/toast';

const pauseMs = 300;
const maxHits = 30;

/** The messages that contain a text, with the place in each. */
export function SearchHits({ text }: { readonly text: string }) {
  const [hits, setHits] = useState<readonly SearchHit[] | null>(null);
  useEffect(() => {
    const ending = new AbortController();
    const timer = setTimeout(() => {
      find(text, ending.signal).then(setHits, (error: unknown) => ending.signal.aborted || showError(error));
    }, pauseMs);
    return () => {
      clearTimeout(timer);
      ending.abort();
    };
  }, [text]);
  const { noHits, loading, hits: label } = words.value;
  if (hits === null) return <p class="quiet side-note">{loading}</p>;
  if (hits.length === 0) return <p class="quiet side-note">{noHits}</p>;
  return (
    <ul class="hits" aria-label={label}>
      {hits.map((hit) => (
        <Hit key={hit.message_id} hit={hit} />
      ))}
    </ul>
  );
}

function Hit({ hit }: { readonly hit: SearchHit }) {
  return (
    <li>
      <Link to={{ page: 'conversation', sessionId: hit.session_id ?? '', messageId: hit.public_id }}>
        <span class="title">{hit.title ?? words.value.untitled}</span>
        <span class="quiet">
          {hit.highlights.map(({ text, isMatch }, index) =>
            isMatch ? <mark key={index}>{text}</mark> : text,
          )}
        </span>
      </Link>
    </li>
  );
}

async function find(text: string, signal: AbortSignal): Promise<readonly SearchHit[]> {
  const found: SearchHit[] = [];
  for await (const hit of client.messages.search(text, { pageSize: maxHits, signal })) {
    if (hit.session_id !== null) found.push(hit);
    if (found.length === maxHits) break;
  }
  return found;
}
