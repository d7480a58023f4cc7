import type { Character } from 'character-chat-client';

import { client } from '../platform/client';

export interface AvatarProps {
  readonly character: Pick<Character, 'avatar'> | null;
  readonly name: string;
}

/** The picture of a character, or the first letter of the name. The name stands beside it. */
export function Avatar({ character, name }: AvatarProps) {
  const picture = character?.avatar;
  if (picture) return <img class="avatar" src={client.files.url(picture)} alt="" width="40" height="40" />;
  return (
    <span class="avatar" aria-hidden="true">
      {[...name][0] ?? '?'}
    </span>
  );
}
