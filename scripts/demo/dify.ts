import { createDifyEmulator } from '../../tests/dify-emulator';
import type { Variables } from '../env-file';

export interface Dify {
  /** Additional variables for Strapi. */
  readonly variables: Variables;
  readonly description: string;
  close(): Promise<void>;
}

/** Returns the Dify of the settings. Without one, it starts the emulator in this process. */
export async function startDify(variables: Variables): Promise<Dify> {
  const url = variables['DIFY_API_URL'] || variables['DIFFBOT_API_URL'];
  const key = variables['DIFY_API_KEY'] || variables['DIFFBOT_API_KEY'];
  if (url && key) {
    return {
      variables: {},
      description: `Dify at ${url}, from your settings`,
      close: async () => undefined,
    };
  }
  // A pace at which a user sees the answer arrive.
  const app = { key: 'app-emulated-chat', mode: 'chat', suggestsQuestions: true } as const;
  const emulator = await createDifyEmulator({ apps: [app], tokenIntervalMs: 40 }).listen();
  const missing = url ? 'DIFY_API_KEY' : key ? 'DIFY_API_URL' : 'DIFY_API_URL and DIFY_API_KEY';
  return {
    variables: {
      DIFY_API_URL: emulator.url,
      DIFY_API_KEY: emulator.apiKey,
      DIFY_PROMPT_INPUT: 'prompt',
    },
    description: `Dify emulator at ${emulator.url}; set ${missing} to talk to a real Dify`,
    close: () => emulator.close(),
  };
}
