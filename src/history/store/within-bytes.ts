/** Returns items from the front that together stay within the limit, but at least one. */
export function withinBytes<T>(
  sized: readonly { readonly item: T; readonly bytes: number }[],
  limit: number,
): T[] {
  const taken: T[] = [];
  let bytes = 0;
  for (const one of sized) {
    bytes += one.bytes;
    if (taken.length > 0 && bytes > limit) break;
    taken.push(one.item);
  }
  return taken;
}
