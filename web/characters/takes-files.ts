import { useEffect, useState } from 'preact/hooks';

import { client } from '../platform/client';

/** What the server has said since the page was loaded. */
const known = new Map<string, boolean>();

/** Returns whether a character takes files. False until the server says so. */
export function useTakesFiles(characterId: string): boolean {
  const [takesFiles, setTakesFiles] = useState(known.get(characterId) ?? false);
  useEffect(() => {
    if (known.has(characterId)) return;
    const keep = (found: boolean) => {
      known.set(characterId, found);
      setTakesFiles(found);
    };
    // Without an answer, the page offers no files.
    client.characters.takesFiles(characterId).then(keep, () => undefined);
  }, []);
  return takesFiles;
}
