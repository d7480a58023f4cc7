import { lowerIdsInPath } from '../../../src/http/requests/lower-case-ids';

const upper = '0B8D43A4-2A43-4B32-B1A5-4FC5B1F8B8A0';
const lower = upper.toLowerCase();

describe('lowerIdsInPath', () => {
  it.each([
    '/api/chat/sessions/:id',
    '/aichat/deletesession/:id',
    '/api/chat-conversations/turns/:id/stream',
    '/conversations/:id/messages',
    '/api/conversations/:id/messages',
    '/ws/:id',
  ])('changes the id that this server makes in %s', (path) => {
    expect(lowerIdsInPath(path.replace(':id', upper))).toBe(path.replace(':id', lower));
  });

  it.each([
    '/api/v1/conversations/:id',
    '/admin/history/conversations/:id',
    '/api/chat/messages/:id',
    '/api/chat-conversations/messages/:id/read',
  ])('keeps the id of any text in %s', (path) => {
    const given = path.replace(':id', upper);
    expect(lowerIdsInPath(given)).toBe(given);
  });
});
