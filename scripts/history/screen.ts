/** A problem that the operator can solve. The command prints its message without a stack. */
export class HistoryCommandError extends Error {
  constructor(
    message: string,
    /** 1 for a failure, 2 for a wrong command line, 130 for an interruption. */
    readonly exitCode: 1 | 2 | 130 = 1,
  ) {
    super(message);
  }
}

/** Prints results and progress of a command. */
export interface Screen {
  /** Prints a line of the result, which may be piped to a file. */
  say(line: string): void;
  /** Shows progress: on a terminal in one changing line, elsewhere as a new line at most every ten seconds. */
  progress(line: string): void;
  /** Removes the progress line. */
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

/** Formats a table. The first column is aligned to the left, the others to the right. */
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
