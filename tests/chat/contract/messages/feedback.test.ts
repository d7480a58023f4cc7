import { parseFeedback } from '../../../../src/chat/contract/messages/feedback';
import { thrown } from '../../support/collect';

const parse = (data: unknown) => parseFeedback({ data });

describe('parseFeedback', () => {
  it.each(['like', 'dislike', null] as const)('accepts the rating %s', (rating) => {
    expect(parse({ rating })).toEqual({ rating, content: undefined });
  });

  it('reads the content and makes it storable', () => {
    expect(parse({ rating: 'like', content: ' Well\0said. 好 ' })).toEqual({
      rating: 'like',
      content: ' Well\uFFFDsaid. 好 ',
    });
    expect(parse({ rating: 'like', content: 'x'.repeat(2_000) }).content).toHaveLength(2_000);
  });

  it.each(['', ' \n', null, undefined])('treats the content %j as missing', (content) => {
    expect(parse({ rating: 'dislike', content }).content).toBeUndefined();
  });

  it('ignores unknown fields', () => {
    expect(parse({ rating: 'like', user: 'somebody', message_id: 'x' })).toEqual({ rating: 'like' });
  });

  it.each<[unknown, string]>([
    [undefined, 'body must be {"data": {"rating": …}}.'],
    [[], 'body must be {"data": {"rating": …}}.'],
    [{}, 'data must be an object with rating.'],
    [{ data: 'like' }, 'data must be an object with rating.'],
    [{ data: {} }, 'data.rating must be "like", "dislike" or null.'],
    [{ data: { rating: 'love' } }, 'data.rating must be "like", "dislike" or null.'],
    [{ data: { rating: ['like'] } }, 'data.rating must be "like", "dislike" or null.'],
    [{ data: { rating: 'like', content: 7 } }, 'data.content must be text.'],
    [
      { data: { rating: 'like', content: 'x'.repeat(2_001) } },
      'data.content can be at most 2000 characters long.',
    ],
  ])('rejects %j with the sentence: %s', async (body, sentence) => {
    expect(await thrown(() => parseFeedback(body))).toMatchObject({
      code: 'invalid-request',
      message: sentence,
    });
  });
});
