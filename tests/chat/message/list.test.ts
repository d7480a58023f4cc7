import { createMessages } from '../../../src/chat/message/list';
import type { Message } from '../../../src/chat/model/message';
import type { MessageStore } from '../../../src/chat/ports/message-store';
import type { MessageQuery } from '../../../src/chat/model/message-query';
import type { Owner } from '../../../src/chat/model/owner';
import { thrown } from '../support/collect';
import { ada, bob, keeper, links, message, pirate } from '../support/fixtures';
import { createMemoryCharacters } from '../support/memory-characters';

/** Creates a store with these messages of Ada, newest first. `asked` records its queries. */
function storeOf(all: readonly Message[]) {
  const asked: { readonly owner: Owner; readonly query: MessageQuery }[] = [];
  const store: Pick<MessageStore, 'list'> = {
    async list(owner, query) {
      asked.push({ owner, query });
      const own = owner.id === ada.id ? all : [];
      const { cursor, offset, limit } = query;
      const from = cursor === null ? offset : own.findIndex(({ id }) => id === cursor.id) + 1;
      return { messages: own.slice(from, from + limit), total: own.length };
    },
  };
  return { store, asked };
}

const five = [5, 4, 3, 2, 1].map((id) =>
  message({ id, messageId: `msg-${id}`, createdAt: new Date(id * 1_000) }),
);

function messagesOf(all: readonly Message[], exposePrompt = true) {
  const { store, asked } = storeOf(all);
  return {
    asked,
    messages: createMessages({
      store,
      characters: createMemoryCharacters([keeper], [pirate]),
      exposePrompt,
      fileLinks: links,
    }),
  };
}

const idsIn = ({ data }: { readonly data: readonly { readonly id: number }[] }) => data.map(({ id }) => id);

describe('createMessages', () => {
  it('returns a page with the total number', async () => {
    const { messages } = messagesOf(five);
    const page = await messages.list(ada, { page: '2', pageSize: '2' });
    expect(idsIn(page)).toEqual([3, 2]);
    expect(page.meta.pagination).toEqual({ page: 2, pageSize: 2, pageCount: 3, total: 5 });
    expect(page.data[0]).toMatchObject({
      message_id: 'msg-3',
      ai_character: { name: 'The keeper' },
      user: ada,
    });
  });

  it('returns a part by its start and limit, with both and the total number', async () => {
    const { messages } = messagesOf(five);
    const part = await messages.list(ada, { pagination: { start: '1', limit: '3' } });
    expect(idsIn(part)).toEqual([4, 3, 2]);
    expect(part.meta.pagination).toEqual({ start: 1, limit: 3, total: 5 });
    const next = await messages.list(ada, { pagination: { limit: '3' }, cursor: part.meta.nextCursor });
    expect(idsIn(next)).toEqual([1]);
  });

  it('returns the total number for any value of withCount', async () => {
    const { messages } = messagesOf(five);
    for (const withCount of ['false', '0', 'x']) {
      const page = await messages.list(ada, { pagination: { withCount } });
      expect(page.meta.pagination).toEqual({ page: 1, pageSize: 20, pageCount: 1, total: 5 });
    }
  });

  it('returns each message once by cursor, and no cursor at the end', async () => {
    const { messages } = messagesOf(five);
    const seen: number[] = [];
    let cursor: string | null = null;
    do {
      const page = await messages.list(ada, { pageSize: '2', ...(cursor !== null && { cursor }) });
      seen.push(...idsIn(page));
      cursor = page.meta.nextCursor;
    } while (cursor !== null);
    expect(seen).toEqual([5, 4, 3, 2, 1]);
  });

  it('returns no cursor on an empty page, on the last page and with a sort', async () => {
    const { messages } = messagesOf(five);
    expect((await messages.list(ada, { page: '9' })).meta.nextCursor).toBeNull();
    expect((await messages.list(ada, { pageSize: '10' })).meta.nextCursor).toBeNull();
    expect((await messages.list(ada, { pageSize: '5' })).meta.nextCursor).toBeNull();
    expect((await messages.list(ada, { pageSize: '2', sort: 'id' })).meta.nextCursor).toBeNull();
  });

  it('reads only the messages of the caller, and returns no message of another user', async () => {
    const { messages, asked } = messagesOf(five);
    const page = await messages.list(bob, { filters: { user: { id: '1' } } });
    expect(asked.map(({ owner }) => owner)).toEqual([bob]);
    expect(page.data).toEqual([]);
    expect(page.meta.pagination).toMatchObject({ pageCount: 0, total: 0 });
  });

  it('does not query the store for an invalid request', async () => {
    const { messages, asked } = messagesOf(five);
    expect(await thrown(messages.list(ada, { page: '0' }))).toMatchObject({ code: 'invalid-request' });
    expect(asked).toEqual([]);
  });

  it('hides every prompt if the settings say so, and always the content of unpublished characters', async () => {
    const lines = [
      message({ id: 1 }),
      message({ id: 2, characterId: pirate.documentId }),
      message({ id: 3, characterId: null }),
    ];
    const shown = await messagesOf(lines).messages.list(ada, {});
    expect(shown.data.map(({ ai_character }) => ai_character?.prompt)).toEqual([
      keeper.prompt,
      null,
      undefined,
    ]);
    expect(shown.data[1]?.ai_character).toMatchObject({ id: pirate.id, name: null });
    const hidden = await messagesOf(lines, false).messages.list(ada, {});
    expect(JSON.stringify(hidden)).not.toContain('prompt');
  });
});
