import { fork } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';

/** A helper process that handles one command at a time. Its reply comes when the command is done. */
export interface Child {
  /** The first message of the child. */
  readonly greeting: string;
  tell(word: string): Promise<string>;
  end(): Promise<void>;
}

export async function startChild(file: string, args: readonly string[] = []): Promise<Child> {
  const child = fork(path.join(__dirname, file), args, { execArgv: ['--import', 'tsx'] });
  const [greeting] = (await once(child, 'message')) as [unknown];
  const tell = async (word: string) => {
    const done = once(child, 'message');
    child.send(word);
    const [answer] = (await done) as [unknown];
    return String(answer);
  };
  return {
    greeting: String(greeting),
    tell,
    async end() {
      const exited = once(child, 'exit');
      child.send('end');
      await exited;
    },
  };
}
