import type { Core } from '@strapi/strapi';

/** Answers at the same time for one administrator: two dialogs with both sides. */
const maxAnswers = 4;

export interface Place {
  readonly signal: AbortSignal;
  abort(): void;
  release(): void;
}

type Places = ReturnType<typeof createPlaces>;

const allPlaces = new WeakMap<Core.Strapi, Places>();

/** Returns the places of all administrators in this process. The panel and the tools of assistants share them. */
export function placesOf(strapi: Core.Strapi): Places {
  const places = allPlaces.get(strapi) ?? createPlaces();
  allPlaces.set(strapi, places);
  return places;
}

/** Limits how many answers an administrator reads at the same time. */
function createPlaces() {
  const taken = new Map<number, number>();
  return {
    /** Returns null if the administrator has no free place. */
    take(adminId: number): Place | null {
      const count = taken.get(adminId) ?? 0;
      if (count >= maxAnswers) return null;
      taken.set(adminId, count + 1);
      const leaving = new AbortController();
      return {
        signal: leaving.signal,
        abort: () => leaving.abort(),
        release() {
          const now = (taken.get(adminId) ?? 1) - 1;
          if (now === 0) taken.delete(adminId);
          else taken.set(adminId, now);
        },
      };
    },
  };
}
