import { errors } from '@strapi/utils';

import type { UpstreamKind } from '../../../src/chat';
import { keyMask, parseUpstreamFields, type UpstreamRules } from '../../../src/strapi/upstreams/fields';

const appId = '7f3c1f0e-6a51-4f0b-9a9e-2f6f5d0c1b11';
const rules: UpstreamRules = { defaultKind: 'dify', hasDefaultApp: false };
const parse = (given: object, own = rules, savedFor: UpstreamKind | null = null) =>
  parseUpstreamFields(given, own, savedFor);

function problemsOf(given: object, own = rules, savedFor: UpstreamKind | null = null): unknown {
  try {
    parse(given, own, savedFor);
    return [];
  } catch (error) {
    if (!(error instanceof errors.ValidationError)) throw error;
    return (error.details as { errors: { path: string[]; message: string }[] }).errors.map(
      ({ path, message }) => [path[0], message],
    );
  }
}

function deep(levels: number): unknown {
  return levels === 0 ? 1 : { a: deep(levels - 1) };
}

describe('parseUpstreamFields', () => {
  it('returns null for every field that is missing or empty', () => {
    const nothing = {
      upstream: null,
      upstream_app_id: null,
      upstream_key: null,
      model_provider: null,
      model: null,
      model_parameters: null,
      inputs: null,
    };
    expect(parse({})).toEqual(nothing);
    expect(parse(Object.fromEntries(Object.keys(nothing).map((name) => [name, ' '])))).toEqual(nothing);
  });

  it('removes the spaces and line breaks around a pasted key, id and model', () => {
    const given = { upstream: 'dify', upstream_key: ' app-1\n', upstream_app_id: ' a ', model: ' m\n' };
    expect(parse(given)).toMatchObject({ upstream_key: 'app-1', upstream_app_id: 'a', model: 'm' });
  });

  it.each(['dify', 'openai'] as const)('accepts the mask of a key that was entered for %s', (upstream) => {
    const given = { upstream, upstream_key: keyMask };
    expect(parse(given, rules, upstream)).toMatchObject({ upstream_key: keyMask });
  });

  it.each([
    ['dify', 'openai'],
    ['openai', 'dify'],
  ] as const)('refuses the mask of a key that was entered for %s if %s answers', (savedFor, upstream) => {
    expect(problemsOf({ upstream, upstream_key: keyMask }, rules, savedFor)).toEqual([
      [
        'upstream_key',
        `"API key" was entered for ${savedFor}. Enter the key for ${upstream}, or empty the field.`,
      ],
    ]);
  });

  it.each([keyMask, 'app-1'])('refuses a key while nobody is chosen: %s', (key) => {
    const message =
      '"API key" cannot be saved while "Answered by" is empty, because the default can change. ' +
      'Choose who answers, or empty this field.';
    expect(problemsOf({ upstream_key: key }, rules, 'dify')).toEqual([['upstream_key', message]]);
  });

  it('accepts an id of an app of at most 200 characters', () => {
    expect(problemsOf({ upstream_app_id: 'a'.repeat(200) })).toEqual([]);
    expect(problemsOf({ upstream_app_id: 'a'.repeat(201) })).toEqual([
      ['upstream_app_id', '"App id" can be at most 200 characters long.'],
    ]);
  });

  it.each<[what: string, key: unknown, message: RegExp]>([
    ['two words', 'sk 1', /^"API key" must be one word of printable ASCII/u],
    ['letters outside of ASCII', 'sk-ö', /^"API key" must be one word of printable ASCII/u],
    ['a line break', 'sk-1\nX-Header: 1', /^"API key" must be one word of printable ASCII/u],
    [
      'the mask and more',
      `${keyMask}sk-1`,
      /^"API key" still contains \*{8}\. Empty the field, then enter the key\.$/u,
    ],
    ['more than 1000 characters', 'k'.repeat(1_001), /^"API key" can be at most 1000 characters long\.$/u],
    ['a number', 7, /^"API key" must be text\.$/u],
  ])('refuses a key with %s, and does not repeat it', (_what, key, message) => {
    expect(problemsOf({ upstream_key: key })).toEqual([['upstream_key', expect.stringMatching(message)]]);
    expect(JSON.stringify(problemsOf({ upstream_key: key }))).not.toContain('sk-');
  });

  it('accepts JSON objects, also as the text that the admin panel sends', () => {
    const given = { model_parameters: '{"temperature": 0.5}', inputs: { style: 'short' } };
    expect(parse(given)).toMatchObject({
      model_parameters: { temperature: 0.5 },
      inputs: { style: 'short' },
    });
  });

  it.each(['model_parameters', 'inputs'] as const)(
    'refuses %s that are no JSON object of a fair size',
    (name) => {
      for (const value of [[], '[]', '"text"', 'no JSON', 7, true, 'null?']) {
        expect(problemsOf({ [name]: value })).toEqual([
          [name, expect.stringMatching(/must be a JSON object, e\.g\. \{"name": "value"\}\.$/u)],
        ]);
      }
      expect(problemsOf({ [name]: { a: 'b'.repeat(20_000) } })).toEqual([
        [name, expect.stringMatching(/ can be at most 20000 characters of JSON\.$/u)],
      ]);
      expect(problemsOf({ [name]: deep(9) })).toEqual([
        [name, expect.stringMatching(/ can be nested at most 8 levels deep\.$/u)],
      ]);
      expect(problemsOf({ [name]: deep(8) })).toEqual([]);
    },
  );

  it('replaces what PostgreSQL refuses in JSON', () => {
    expect(parse({ inputs: { a: 'b\0' } })).toMatchObject({ inputs: { a: 'b\uFFFD' } });
  });

  it('names every wrong field by its label', () => {
    expect(problemsOf({ upstream: 'other', model: 'm'.repeat(256), inputs: [] })).toEqual([
      ['upstream', '"Answered by" must be one of dify, dify-console, openai, or empty.'],
      ['model', '"Model" can be at most 255 characters long.'],
      ['inputs', expect.stringMatching(/^"Inputs" must be a JSON object/u)],
    ]);
  });

  describe('for dify-console', () => {
    const console = { upstream: 'dify-console' };

    it('requires the id of the app, unless the settings have a default app', () => {
      const message =
        '"App id" must be a UUID for dify-console. Copy the part after /app/ in the address of the app in Dify.';
      expect(problemsOf(console)).toEqual([['upstream_app_id', message]]);
      expect(problemsOf({ ...console, upstream_app_id: 'my app' })).toEqual([['upstream_app_id', message]]);
      expect(problemsOf({ ...console, upstream_app_id: appId })).toEqual([]);
      expect(problemsOf(console, { ...rules, hasDefaultApp: true })).toEqual([]);
      expect(
        problemsOf({ ...console, upstream_app_id: 'my app' }, { ...rules, hasDefaultApp: true }),
      ).toEqual([['upstream_app_id', message]]);
    });

    it('requires the same of a character that leaves the choice to the settings', () => {
      const own = { ...rules, defaultKind: 'dify-console' } as const;
      expect(problemsOf({ model: 'm' }, own)).toEqual([['upstream_app_id', expect.any(String)]]);
      expect(problemsOf({ upstream_app_id: appId }, own)).toEqual([]);
    });

    it.each([keyMask, 'app-1'])('refuses a key, saved or new: %s', (key) => {
      expect(problemsOf({ ...console, upstream_app_id: appId, upstream_key: key })).toEqual([
        [
          'upstream_key',
          '"API key" must be empty for dify-console, which logs in with the account of the settings.',
        ],
      ]);
    });
  });

  it('refuses parameters that no model of an OpenAI-compatible server takes', () => {
    const model_parameters = { temperature: 'warm', stop: [], other: 1 };
    expect(problemsOf({ upstream: 'openai', model_parameters })).toEqual([
      [
        'model_parameters',
        '"Model parameters" has values that no model takes. Change these: temperature, stop.',
      ],
    ]);
    expect(problemsOf({ upstream: 'openai', model_parameters: { temperature: 1 } })).toEqual([]);
    expect(problemsOf({ model_parameters })).toEqual([]);
    expect(problemsOf({ model_parameters }, { ...rules, defaultKind: 'openai' })).toHaveLength(1);
  });
});
