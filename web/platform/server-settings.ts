import { signal } from '@preact/signals';

/** What the operator allows. The page shows the defaults until it knows. */
export const serverSettings = signal({ canRegister: true, minPasswordChars: 8 });

let loading: Promise<void> | undefined;

/** Reads the settings once. Without a connection, the defaults stay: the server checks everything anyway. */
export function loadServerSettings(): Promise<void> {
  return (loading ??= load().catch(() => void (loading = undefined)));
}

async function load(): Promise<void> {
  const reply = await fetch(`${import.meta.env.BASE_URL}settings.json`);
  const found = (await reply.json()) as { registration?: unknown; min_password_chars?: unknown };
  serverSettings.value = {
    canRegister: found.registration !== false,
    minPasswordChars: typeof found.min_password_chars === 'number' ? found.min_password_chars : 8,
  };
}
