import { spawn } from 'node:child_process';
import type { Writable } from 'node:stream';

/** A bash session, as a reader has one who pastes the examples of a document. */
export interface Shell {
  /** Runs some lines. @returns their output. @throws Error if a command fails or the server refuses a request. */
  run(code: string): Promise<string>;
  end(): void;
}

/** Blocks arrive on descriptor 3 and end with NUL, and so does the output of each. */
const session = `
set -eu -o pipefail
curl() {
  # 23: the reader of a stream has closed the pipe.
  command curl --fail-with-body --silent --show-error "$@" || test $? = 23
}
while IFS= read -r -d '' block <&3; do
  eval "$block"
  printf '\\0'
done`;

export function openShell(folder: string): Shell {
  const child = spawn('bash', ['-c', session], { cwd: folder, stdio: ['ignore', 'pipe', 'pipe', 'pipe'] });
  const input = child.stdio[3] as Writable;
  let [output, errors] = ['', ''];
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (errors += text));
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (output += text));
  return {
    async run(code) {
      output = '';
      input.write(`${code}\0`);
      return new Promise((resolve, reject) => {
        const onData = () => {
          if (!output.endsWith('\0')) return;
          child.off('close', onClose);
          child.stdout?.off('data', onData);
          resolve(output.slice(0, -1));
        };
        const onClose = () => reject(new Error(`This example failed:\n${code}\n${output}\n${errors}`));
        child.stdout?.on('data', onData);
        child.once('close', onClose);
      });
    },
    end: () => input.end(),
  };
}
