/** Returns whether JSON is nested at most `maxDepth` levels deep. Check this before any recursive function. */
export function isShallow(value: unknown, maxDepth: number): boolean {
  if (typeof value !== 'object' || value === null) return true;
  return maxDepth > 0 && Object.values(value).every((item) => isShallow(item, maxDepth - 1));
}
