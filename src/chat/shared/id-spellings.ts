const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/iu;

/** Returns whether the text is a UUID in any case (RFC 9562). */
export const isUuid = (text: string): boolean => uuid.test(text);

/**
 * Returns the spellings under which an id can be saved: as given and, for a UUID, in lower case. This server makes
 * UUIDs in lower case, but an import can bring ids in any case.
 */
export function spellingsOf(id: string): readonly [string, ...string[]] {
  const lower = id.toLowerCase();
  return isUuid(id) && lower !== id ? [id, lower] : [id];
}

/** Calls `find` with each spelling of an id, the given one first. @returns the first result that is not null. */
export async function findBySpelling<T>(
  id: string,
  find: (spelling: string) => Promise<T | null>,
): Promise<T | null> {
  for (const spelling of spellingsOf(id)) {
    const found = await find(spelling);
    if (found !== null) return found;
  }
  return null;
}
