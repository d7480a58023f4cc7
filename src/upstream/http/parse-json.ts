/** Returns undefined for text that is not JSON. The schemas here refuse undefined. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
