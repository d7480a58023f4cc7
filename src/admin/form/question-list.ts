/** Returns the texts of a saved value. A value of another kind stays visible as JSON, so that no data is lost. */
export function toQuestions(value: unknown): readonly string[] {
  const parsed = typeof value === 'string' ? parseJson(value) : value;
  if (parsed === null || parsed === undefined || parsed === '') return [];
  const list: readonly unknown[] = Array.isArray(parsed) ? parsed : [parsed];
  return list.map((one) => (typeof one === 'string' ? one : JSON.stringify(one)));
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

export function replaceAt(list: readonly string[], index: number, text: string): string[] {
  return list.map((one, place) => (place === index ? text : one));
}

export function removeAt(list: readonly string[], index: number): string[] {
  return list.filter((_one, place) => place !== index);
}

/** Moves one item by one place. */
export function moveBy(list: readonly string[], index: number, step: 1 | -1): string[] {
  const moved = [...list];
  const [one = ''] = moved.splice(index, 1);
  moved.splice(index + step, 0, one);
  return moved;
}
