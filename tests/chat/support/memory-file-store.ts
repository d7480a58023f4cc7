import type { Owner } from '../../../src/chat/model/owner';
import type { FileStore, NewUpload } from '../../../src/chat/ports/file-store';

type Row = NewUpload & { readonly userId: string };

/** Keeps uploads in memory. */
export function createMemoryFileStore(): FileStore {
  let rows: readonly Row[] = [];
  const own = (owner: Owner) => rows.filter(({ userId }) => userId === owner.documentId);
  const ownAt = (owner: Owner, upstreamId: string) =>
    own(owner).filter((row) => row.upstreamId === upstreamId);
  return {
    async save(owner, upload) {
      rows = [...rows, { ...upload, userId: owner.documentId }];
    },
    findOwn: async (owner, upstreamId, ids) =>
      new Set(ownAt(owner, upstreamId).flatMap(({ id }) => (ids.includes(id) ? [id] : []))),
    findUploads: async (owner, ids) =>
      new Map(own(owner).flatMap((row) => (ids.includes(row.id) ? [[row.id, row] as const] : []))),
    async read(owner, upstreamId, id) {
      const { mimeType, base64 = null } = ownAt(owner, upstreamId).find((row) => row.id === id) ?? {};
      return mimeType === undefined || base64 === null ? null : { mimeType, base64 };
    },
    listAfter: async (owner, { id: after, limit }) =>
      own(owner)
        .map((upload, index) => ({ id: index + 1, upload }))
        .filter(({ id }) => id > after)
        .slice(0, limit),
    async eraseKept(before) {
      rows = rows.filter(({ base64, createdAt }) => base64 === null || createdAt >= before);
    },
  };
}
