import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { createInterface } from 'node:readline';

export interface ReceivedMail {
  readonly from: string;
  readonly to: readonly string[];
  /** The headers and the body, unchanged. */
  readonly text: string;
}

/** A mail server that accepts everything, without TLS or login. */
export interface SmtpServer {
  readonly port: number;
  readonly mails: readonly ReceivedMail[];
  /** Waits for `count` mails. @returns all mails so far. */
  received(count: number): Promise<readonly ReceivedMail[]>;
  /** Sets the reply to the next recipients. With undefined, the server accepts them. */
  refuse(answer: string | undefined): void;
  close(): Promise<void>;
}

export async function startSmtpServer(): Promise<SmtpServer> {
  const mails: ReceivedMail[] = [];
  const waiting = new Set<() => void>();
  let refusal: string | undefined;
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
    void talk(socket, {
      onMail(mail) {
        mails.push(mail);
        for (const wake of waiting) wake();
      },
      refusalOf: () => refusal,
    });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    mails,
    async received(count) {
      while (mails.length < count) {
        await new Promise<void>((resolve) => {
          const wake = () => {
            waiting.delete(wake);
            resolve();
          };
          waiting.add(wake);
        });
      }
      return mails;
    },
    refuse(answer) {
      refusal = answer;
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

interface Talk {
  onMail(mail: ReceivedMail): void;
  refusalOf(): string | undefined;
}

/** Speaks the part of RFC 5321 that a client needs for plain mails. */
async function talk(socket: Socket, { onMail, refusalOf }: Talk): Promise<void> {
  const say = (line: string) => socket.write(`${line}\r\n`);
  let from = '';
  let to: string[] = [];
  let data: string[] | undefined;
  say('220 mail.test');
  for await (const line of createInterface({ input: socket, crlfDelay: Infinity })) {
    if (data !== undefined) {
      if (line !== '.') data.push(line.replace(/^\./u, ''));
      else {
        onMail({ from, to, text: data.join('\n') });
        data = undefined;
        say('250 OK');
      }
      continue;
    }
    const address = /<(.*)>/u.exec(line)?.[1] ?? '';
    const command = line.slice(0, 4).toUpperCase();
    if (command === 'MAIL') [from, to] = [address, []];
    if (command === 'RCPT') to.push(address);
    if (command === 'DATA') {
      data = [];
      say('354 Go on');
    } else if (command === 'QUIT') {
      say('221 Bye');
      socket.end();
    } else if (command === 'RCPT' && refusalOf() !== undefined) say(String(refusalOf()));
    else say('250 OK');
  }
}
