const isTerminal = process.stdout.isTTY;
const hasColours = isTerminal && !process.env['NO_COLOR'];

const paint = (code: number) => (text: string) => (hasColours ? `\u001b[${code}m${text}\u001b[0m` : text);

export const bold = paint(1);
export const dim = paint(2);
export const red = paint(31);
export const green = paint(32);
export const cyan = paint(36);

/** A problem that the user can solve. The demo prints its message without a stack. */
export class DemoError extends Error {}

export function say(line = ''): void {
  process.stdout.write(`${line}\n`);
}

/** Prints a finished step. */
export function tick(line: string): void {
  say(`${green('✓')} ${line}`);
}

/**
 * Shows that `work` is running, and for how long. On a terminal the line is updated every second; elsewhere a new line
 * is printed every ten seconds. Prints `done` and the time at the end.
 */
export async function withProgress<T>(doing: string, done: string, work: () => Promise<T>): Promise<T> {
  const start = Date.now();
  const elapsed = () => `${Math.round((Date.now() - start) / 1000)} s`;
  const show = () => {
    if (isTerminal) process.stdout.write(`\r\u001b[K… ${doing} ${dim(elapsed())}`);
    else say(`… ${doing} ${elapsed()}`);
  };
  show();
  const timer = setInterval(show, isTerminal ? 1000 : 10_000);
  try {
    const result = await work();
    clearLine();
    tick(`${done} ${dim(elapsed())}`);
    return result;
  } catch (error) {
    clearLine();
    throw error;
  } finally {
    clearInterval(timer);
  }
}

function clearLine(): void {
  if (isTerminal) process.stdout.write('\r\u001b[K');
}
