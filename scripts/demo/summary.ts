import { existsSync } from 'node:fs';

import type { Accounts } from './accounts';
import { bold, cyan, dim, say } from './screen';

export interface Summary {
  readonly url: string;
  readonly accounts: Accounts;
  readonly jwt: string;
  readonly characterId: string;
  readonly query: string;
  readonly logFile: string;
}

/** Where everything is, and two lines to paste. */
export function printSummary({ url, accounts, jwt, characterId, query, logFile }: Summary): void {
  const { admin, user } = accounts;
  const rows = [
    ...(existsSync('public/index.html') ? [['Demo page', cyan(`${url}/index.html`)]] : []),
    ['  user', `${user.email}  ${dim('password')} ${user.password}`],
    ['Admin panel', cyan(`${url}/admin`)],
    ['  admin', `${admin.email}  ${dim('password')} ${admin.password}`],
    ['API', cyan(`${url}/api`)],
    ['Log', logFile],
  ];
  say();
  for (const [label = '', text = ''] of rows) say(`${bold(label.padEnd(12))} ${text}`);
  say();
  say(`${bold('Ask from the shell')} ${dim('(the token is good for an hour)')}`);
  say();
  say(toCurl(jwt, `${url}/api/chat-conversations/create-message`, { characterId, query }));
  say();
  say(toCurl(jwt, `${url}/api/chat-conversations/my-list?page=1&pageSize=4`));
  say();
}

interface Question {
  readonly characterId: string;
  readonly query: string;
}

/** Everything in single quotes, so that a shell takes it as it stands. */
function toCurl(jwt: string, url: string, question?: Question): string {
  const parts = [`curl -N '${url}'`, `-H 'Authorization: Bearer ${jwt}'`];
  if (question !== undefined) {
    const body = JSON.stringify({ data: { character_id: question.characterId, query: question.query } });
    parts.push(`-H 'Content-Type: application/json'`, `-H 'Accept: text/event-stream'`);
    parts.push(`-d '${body.replaceAll("'", "'\\''")}'`);
  }
  return parts.join(' ');
}
