/** A problem the operator can do something about: shown as its message, without a stack. */
export class HistoryCommandError extends Error {
  constructor(
    message: string,
    /** 1 for what went wrong, 2 for what was typed wrong, 130 for what was interrupted. */
    readonly exitCode: 1 | 2 | 130 = 1,
  ) {
    super(message);
  }
}

/** Where a command says what it has found, and what it is doing. */
export interface Screen {
  /** A line of the result, which may be piped somewhere. */
  say(line: string): void;
  /** What is going on: on a terminal one line that changes, elsewhere a line every ten seconds. */
  progress(line: string): void;
  /** Takes the line of progress away. */
  clear(): void;
}

const pauseMs = { terminal: 100, elsewhere: 10_000 };

export function createScreen(): Screen {
  const isTerminal = process.stderr.isTTY;
  let shownAt = 0;
  return {
    say(line) {
      this.clear();
      process.stdout.write(`${line}\n`);
    },
    progress(line) {
      if (Date.now() - shownAt < pauseMs[isTerminal ? 'terminal' : 'elsewhere']) return;
      shownAt = Date.now();
      process.stderr.write(isTerminal ? `\r\u001b[K${line}` : `${line}\n`);
    },
    clear() {
      if (isTerminal) process.stderr.write('\r\u001b[K');
    },
  };
}

/** Columns of one width; numbers to the right. */
export function toTable(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string[] {
  const lines = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...lines.map((line) => String(line[column] ?? '').length)));
  return lines.map((line) =>
    line
      .map((cell, column) =>
        column === 0 ? String(cell).padEnd(widths[column] ?? 0) : String(cell).padStart(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd(),
  );
}

export function toSize(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  const power = Math.min(Math.floor(Math.log10(Math.max(bytes, 1)) / 3), units.length - 1);
  return `${(bytes / 1000 ** power).toFixed(power === 0 ? 0 : 1)} ${units[power] ?? 'B'}`;
}

/** `1 record`, `2 records` */
export function counted(count: number, name: string): string {
  return `${count} ${name}${count === 1 ? '' : 's'}`;
}
