import { chatErrors } from '../../../src/chat/errors';
import { toErrorResponses } from '../../../src/strapi/openapi/error-responses';

describe('toErrorResponses', () => {
  it('puts the codes of each status together', () => {
    const responses = toErrorResponses('strapi', ['session-not-found', 'turn-not-found', 'internal']);

    expect(Object.keys(responses)).toEqual(['404', '500']);
    expect(responses['404']).toMatchObject({
      description: expect.stringMatching(/`session-not-found`: .+\n- `turn-not-found`: /u),
      content: {
        'application/json': {
          schema: {
            allOf: [
              { $ref: '#/components/schemas/Error' },
              {
                properties: {
                  error: {
                    properties: {
                      details: { properties: { code: { enum: ['session-not-found', 'turn-not-found'] } } },
                    },
                  },
                },
              },
            ],
          },
        },
      },
    });
  });

  it('says what to do after each code, unless its sentence says it', () => {
    const [notFound, failed] = ['turn-not-found', 'upstream-misconfigured'] as const;
    const { 404: first, 502: second } = toErrorResponses('envelope', [notFound, failed]);
    const { sentence, advice } = chatErrors[notFound];

    expect(first?.['description']).toBe(`- \`${notFound}\`: ${sentence} ${advice}`);
    expect(second?.['description']).toBe(`- \`${failed}\`: ${chatErrors[failed].sentence}`);
  });

  it('uses the statuses and codes of Dify in its shape', () => {
    const responses = toErrorResponses('dify', ['character-not-found']);

    expect(Object.keys(responses)).toEqual(['404']);
    expect(responses['404']?.['content']).toEqual({
      'application/json': {
        schema: {
          allOf: [
            { $ref: '#/components/schemas/DifyError' },
            { properties: { code: { enum: ['app_not_found', 'not_found'] } } },
          ],
        },
      },
    });
  });

  it('names the code in the envelope of the session API', () => {
    const responses = toErrorResponses('envelope', ['not-yourself']);

    expect(responses['403']?.['content']).toMatchObject({
      'application/json': {
        schema: {
          allOf: [{}, { properties: { error: { properties: { code: { enum: ['not-yourself'] } } } } }],
        },
      },
    });
  });

  it('describes a status without a code, and when to try again', () => {
    const responses = toErrorResponses('strapi', ['invalid-request'], [400, 429]);

    expect(responses['429']).toMatchObject({
      description: 'Too Many Requests',
      headers: { 'Retry-After': {} },
      content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } },
    });
    expect(Object.keys(responses)).toEqual(['400', '429']);
  });
});
