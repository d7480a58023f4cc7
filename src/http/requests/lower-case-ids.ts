import { isUuid } from '../../chat';

/*
 * This server makes ids of sessions and turns: UUIDs in lower case. Clients may send them in upper case. Ids of
 * messages and of the history keep their case, because an import or a program can bring any.
 */

const uuid = '[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}';
const names = ['session_id', 'turn_id', 'conversation_id'] as const;

const idInPath = new RegExp(
  `(?<=/(?:sessions|deletesession|turns|ws)/|^(?:/api)?/conversations/)${uuid}(?=/|$)`,
  'gu',
);

const toLowerCase = (id: string): string => id.toLowerCase();

/** Returns a path with these ids in lower case. */
export const lowerIdsInPath = (path: string): string => path.replaceAll(idInPath, toLowerCase);

/** Changes these ids of a parsed body to lower case, beside or inside `data`. */
export function lowerIdsInBody(body: unknown): void {
  const { data } = (body ?? {}) as { data?: unknown };
  for (const fields of [body, data]) {
    if (typeof fields !== 'object' || fields === null) continue;
    const values = fields as Record<string, unknown>;
    for (const name of names) {
      const id = values[name];
      if (typeof id === 'string' && isUuid(id)) values[name] = toLowerCase(id);
    }
  }
}
