import { toMessageReply } from '../../../../src/chat/contract/messages/reply';
import { parseReplyFields, selectFields } from '../../../../src/chat/contract/messages/reply-fields';
import { ada, keeper, links, message } from '../../support/fixtures';

const reply = toMessageReply(message(), {
  owner: ada,
  characters: new Map([[keeper.documentId, keeper]]),
  exposePrompt: true,
  links,
});
const selected = (params: Readonly<Record<string, unknown>>) => selectFields(reply, parseReplyFields(params));

describe('parseReplyFields', () => {
  it('knows every field of a reply', () => {
    const { message: own, ai_character: character, user } = parseReplyFields({});
    const { ai_character: _character, user: _user, ...ownFields } = reply;
    expect([...own].sort()).toEqual(Object.keys(ownFields).sort());
    expect([...(character ?? [])].sort()).toEqual(Object.keys(reply.ai_character ?? {}).sort());
    expect([...(user ?? [])].sort()).toEqual(Object.keys(reply.user).sort());
  });

  it.each([
    ['nothing', {}],
    ['a star', { fields: '*', populate: '*' }],
    ['empty texts', { fields: '', populate: '' }],
    ['both relations in one text', { populate: 'user, ai_character' }],
    ['both relations in a list', { populate: ['user', 'ai_character'] }],
    ['true for a relation', { populate: { user: 'true', ai_character: '*' } }],
    ['a star for the fields of a relation', { populate: { user: { fields: ['*'] } } }],
  ])('selects everything for %s', (_what, params) => {
    expect(selected(params)).toEqual(reply);
  });

  it.each([
    ['one text', 'role,answer'],
    ['a list', ['role', 'answer']],
    ['numbered keys', { 0: 'role', 25: 'answer' }],
  ])('selects own fields from %s', (_what, fields) => {
    expect(selected({ fields })).toEqual({ id: 1, role: 'assistant', answer: 'Calm.' });
  });

  it('selects the relations that populate names beside own fields', () => {
    const { ai_character, user } = reply;
    expect(selected({ fields: 'documentId', populate: 'user' })).toEqual({
      id: 1,
      documentId: 'message-1',
      ai_character,
      user,
    });
  });

  it('selects fields of a relation and leaves the others as they are', () => {
    const populate = { ai_character: { fields: 'name' } };
    expect(selected({ populate })).toEqual({
      ...reply,
      ai_character: { id: keeper.id, documentId: keeper.documentId, name: keeper.name },
    });
  });

  it('omits a relation with false', () => {
    expect(selected({ fields: 'id', populate: { ai_character: 'false', user: 'false' } })).toEqual({ id: 1 });
  });

  it('keeps null for a deleted character', () => {
    const orphan = { ...reply, ai_character: null };
    const fields = parseReplyFields({ fields: 'id', populate: { ai_character: { fields: 'name' } } });
    expect(selectFields(orphan, fields)).toMatchObject({ ai_character: null });
  });

  it.each([
    [{ fields: 'password' }, 'fields can name id, '],
    [{ fields: 'ai_character' }, 'not "ai_character".'],
    [{ fields: null }, 'fields must be names of fields'],
    [{ populate: 'session' }, 'populate can name ai_character and user; not "session".'],
    [{ populate: { __proto__: null, constructor: 'true' } }, 'not "constructor".'],
    [{ populate: { user: { fields: 'password' } } }, 'populate[user][fields] can name id, documentId, '],
    [{ populate: { user: { filters: {} } } }, 'populate[user] can have fields; not "filters".'],
    [{ populate: { user: 'yes' } }, 'populate[user] must be true, false or fields.'],
    [{ populate: { user: null } }, 'populate[user] must be true, false or fields.'],
  ])('refuses %j', (params, sentence) => {
    expect(() => parseReplyFields(params)).toThrow(
      expect.objectContaining({ code: 'invalid-request', message: expect.stringContaining(sentence) }),
    );
  });
});
