import { toMessageRowId, toMessageUuid } from '../../../../src/chat/contract/conversation/reply';

const documentId = 'q8urlkhii1jmqa51lwwslp3z';

it('toMessageUuid returns the same UUID of version 8 every time', () => {
  const uuid = toMessageUuid({ id: 42, documentId });
  expect(uuid).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-8[0-9a-f]{3}-00000000002a$/u);
  expect(toMessageUuid({ id: 42, documentId })).toBe(uuid);
});

it('toMessageUuid returns different UUIDs for other messages and other installations', () => {
  const uuids = [42, 43].flatMap((id) =>
    [documentId, 'npfyrwowmuuys9ijtfbwifk7'].map((document) => toMessageUuid({ id, documentId: document })),
  );
  expect(new Set(uuids).size).toBe(4);
});

it.each([1, 42, 2_147_483_647])('toMessageRowId returns the row id %i', (id) => {
  expect(toMessageRowId(toMessageUuid({ id, documentId }))).toBe(id);
  expect(toMessageRowId(toMessageUuid({ id, documentId }).toUpperCase())).toBe(id);
});

it.each([
  '',
  '42',
  '2a297329-24e7-4dff-9c61-eb239b161253',
  toMessageUuid({ id: 2_147_483_648, documentId }),
  `${toMessageUuid({ id: 42, documentId })}0`,
])('toMessageRowId returns null for %p', (text) => {
  expect(toMessageRowId(text)).toBeNull();
});
