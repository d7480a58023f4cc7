import type { Accounts } from './accounts';
import { bold, cyan, dim, say } from './screen';

export interface Summary {
  readonly url: string;
  readonly accounts: Accounts;
  /** The file with the variables of the commands below. */
  readonly shellFile: string;
  readonly logFile: string;
}

/** Prints the addresses, the accounts and three shell commands. */
export function printSummary({ url, accounts, shellFile, logFile }: Summary): void {
  const { admin, user } = accounts;
  const rows = [
    ['Chat page', cyan(`${url}/chat/`)],
    ['  user', `${user.email}  ${dim('password')} ${user.password}`],
    ['Admin panel', cyan(`${url}/admin`)],
    ['  admin', `${admin.email}  ${dim('password')} ${admin.password}`],
    ['API', cyan(`${url}/api`)],
    ['Log', logFile],
  ];
  say();
  for (const [label = '', text = ''] of rows) say(`${bold(label.padEnd(12))} ${text}`);
  say();
  say(`${bold('Ask from another shell')} ${dim('(the token is good for an hour)')}`);
  say();
  for (const line of [`source ${shellFile}`, ...commands]) say(line);
  say();
}

/** The shell inserts the variables, so that the commands are those of the README. */
const commands = [
  `curl "$API/api/ai-characters" -H "Authorization: Bearer $JWT"`,
  `curl -N "$API/api/chat-conversations/create-message" -H "Authorization: Bearer $JWT" -H 'Content-Type: application/json' -H 'Accept: text/event-stream' -d '{"data":{"character_id":"'$CHARACTER'","query":"Who are you?"}}'`,
];
