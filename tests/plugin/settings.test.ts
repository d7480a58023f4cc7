import { parseChatSettings } from '../../src/chat/settings';
import {
  parsePluginSettings,
  pluginSettingNames,
  readEnvironment,
  toVariables,
} from '../../src/plugin/settings';

const dify = { DIFY_API_URL: 'https://dify.example', DIFY_API_KEY: 'app-1' };

describe('the settings of the plugin', () => {
  it('take numbers, booleans and lists of config/plugins like texts of the environment', () => {
    const given = {
      ...dify,
      CHAT_MAX_FILES: 5,
      CHAT_EXPOSE_PROMPT: false,
      CHAT_FILE_TYPES: ['image/png', 'text/plain'],
    };
    const { request, turns, files } = parseChatSettings(toVariables(given));
    expect([request.maxFiles, turns.exposePrompt, files.mimeTypes]).toEqual([
      5,
      false,
      ['image/png', 'text/plain'],
    ]);
  });

  it('refuse every unknown name together', () => {
    expect(() => parsePluginSettings({ ...dify, CHAT_MAX_FILE: '1', prefix: 'ai' })).toThrow(
      /CHAT_MAX_FILE is no setting.*\n.*prefix is no setting/u,
    );
  });

  it('refuse a prefix that is no path segment', () => {
    expect(() => parsePluginSettings({ CHAT_API_PREFIX: '/ai' })).toThrow(
      /CHAT_API_PREFIX must be one word/u,
    );
  });

  it('refuse a prefix together with the chat page, which knows the paths without one', () => {
    expect(() => parsePluginSettings({ CHAT_API_PREFIX: 'ai', CHAT_PAGE: 'true' })).toThrow(
      /CHAT_PAGE does not work with CHAT_API_PREFIX/u,
    );
    expect(parsePluginSettings({}).CHAT_PAGE).toBe(false);
  });

  it('have no unknown name in the environment', () => {
    const variables = readEnvironment((name) => `value of ${name}`);
    const own = Object.fromEntries(pluginSettingNames.map((name) => [name, '']));
    expect(() => parsePluginSettings({ ...variables, ...own })).not.toThrow();
  });
});
