import { createDifyEmulator } from '../../tests/dify-emulator';
import type { Variables } from '../env-file';

export interface Dify {
  /** What Strapi must be told beyond what it reads by itself. */
  readonly variables: Variables;
  readonly description: string;
  close(): Promise<void>;
}

/** The Dify the settings name, or without one the emulator, in this process. */
export async function startDify(variables: Variables): Promise<Dify> {
  const url = variables['DIFY_API_URL'] || variables['DIFFBOT_API_URL'];
  const key = variables['DIFY_API_KEY'] || variables['DIFFBOT_API_KEY'];
  if (url && key) {
    return {
      variables: {},
      description: `Dify at ${url}, as your settings say`,
      close: async () => undefined,
    };
  }
  // A pace at which one sees the answer arrive.
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
