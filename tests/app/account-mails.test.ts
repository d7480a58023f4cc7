import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';

import { startApp, type App } from '../support/app';
import { password } from '../support/admin';
import type { Reply } from '../support/client';
import { freePort } from '../support/free-port';
import { startSmtpServer, type SmtpServer } from '../support/smtp-server';

const users = '/content-manager/collection-types/plugin::users-permissions.user';
const forgotPassword = '/api/auth/forgot-password';
const sendConfirmation = '/api/auth/send-email-confirmation';

const accounts = {
  known: 'known@example.com',
  blocked: 'blocked@example.com',
  confirmed: 'confirmed@example.com',
  unknown: 'unknown@example.com',
};
type Kind = keyof typeof accounts;
const kinds = Object.keys(accounts) as Kind[];

async function addAccounts(app: App): Promise<void> {
  const role = {
    connect: [{ id: (await app.db('up_roles').where({ type: 'authenticated' }).first('id')).id }],
  };
  for (const kind of kinds.filter((kind) => kind !== 'unknown')) {
    const account = { username: kind, email: accounts[kind], password, role };
    const state = { confirmed: kind === 'confirmed', blocked: kind === 'blocked' };
    expect((await app.admin.client.post(users, { ...account, ...state })).status).toBe(201);
  }
}

/** Returns what a client can compare between replies, without times, rate limits and the email that it sent. */
function visible({ status, headers, text }: Reply, email: string) {
  const rest = [...headers].filter(([name]) => !['date', 'etag', 'content-length'].includes(name));
  const counted = rest.filter(([name]) => !name.startsWith('x-ratelimit-'));
  return { status, headers: counted, text: text.replaceAll(email, '<email>') };
}

async function repliesTo(app: App, path: string): Promise<readonly object[]> {
  const replies: object[] = [];
  for (const kind of kinds) {
    replies.push(visible(await app.anonymous.post(path, { email: accounts[kind] }), accounts[kind]));
  }
  return replies;
}

describe('with a mail server', () => {
  let app: App;
  let smtp: SmtpServer;

  beforeAll(async () => {
    smtp = await startSmtpServer();
    app = await startApp({
      env: {
        EMAIL_SMTP_HOST: '127.0.0.1',
        EMAIL_SMTP_PORT: String(smtp.port),
        EMAIL_FROM: 'Chat <chat@sender.example>',
        EMAIL_REPLY_TO: 'help@sender.example',
        PUBLIC_URL: 'https://chat.sender.example',
      },
    });
    await addAccounts(app);
  });
  afterAll(async () => {
    await app.stop();
    await smtp.close();
  });

  it('forgot-password sends the same reply for every address and mails only unblocked accounts', async () => {
    const before = smtp.mails.length;
    const [first, ...others] = await repliesTo(app, forgotPassword);
    expect(first).toMatchObject({ status: 200, text: '{"ok":true}' });
    for (const reply of others) expect(reply).toEqual(first);
    const mails = (await smtp.received(before + 2)).slice(before);
    expect(mails.flatMap(({ to }) => to).sort()).toEqual([accounts.confirmed, accounts.known]);
    for (const { from, text } of mails) {
      expect(from).toBe('chat@sender.example');
      expect(text).toMatch(/^From: Chat <chat@sender\.example>$/mu);
      expect(text).toMatch(/^Reply-To: help@sender\.example$/mu);
    }
  });

  it('send-email-confirmation sends the same reply to all and mails only unblocked, unconfirmed accounts', async () => {
    const before = smtp.mails.length;
    const [first, ...others] = await repliesTo(app, sendConfirmation);
    expect(first).toMatchObject({ status: 200, text: '{"email":"<email>","sent":true}' });
    for (const reply of others) expect(reply).toEqual(first);
    const mails = (await smtp.received(before + 1)).slice(before);
    expect(mails.map(({ to }) => to)).toEqual([[accounts.known]]);
    expect(mails[0]?.text.replaceAll('=\n', '')).toContain(
      'https://chat.sender.example/api/auth/email-confirmation',
    );
  });

  it('forgot-password ignores the case of the address and mails the saved address', async () => {
    const before = smtp.mails.length;
    expect((await app.anonymous.post(forgotPassword, { email: 'Known@Example.com' })).body).toEqual({
      ok: true,
    });
    expect((await smtp.received(before + 1))[before]?.to).toEqual([accounts.known]);
  });

  it('reset-password accepts the code from the mail', async () => {
    const before = smtp.mails.length;
    await app.anonymous.post(forgotPassword, { email: accounts.confirmed });
    const text = (await smtp.received(before + 1))[before]?.text.replaceAll('=\n', '');
    const code = /code=3D([0-9a-f]{128})/u.exec(text ?? '')?.[1];
    const changed = 'Another-passw0rd';
    const reset = await app.anonymous.post('/api/auth/reset-password', {
      code,
      password: changed,
      passwordConfirmation: changed,
    });
    expect(reset.status).toBe(200);
    const login = { identifier: accounts.confirmed, password: changed };
    expect((await app.anonymous.post('/api/auth/local', login)).status).toBe(200);
  });

  /** Returns the address in the next mail for a forgotten password. */
  async function linkInMail(): Promise<string | undefined> {
    const before = smtp.mails.length;
    await app.anonymous.post(forgotPassword, { email: accounts.known });
    const text = (await smtp.received(before + 1))[before]?.text.replaceAll('=\n', '');
    return /(\S+)\?code=3D/u.exec(text?.replaceAll('<p>', '\n') ?? '')?.[1];
  }

  it('forgot-password links the chat page, until an administrator sets another address', async () => {
    expect(await linkInMail()).toBe('https://chat.sender.example/chat/reset-password');

    const path = '/users-permissions/advanced';
    const { body } = await app.admin.client.get(path);
    expect(body.settings.email_confirmation_redirection).toBe('https://chat.sender.example/chat/login');
    const settings = { ...body.settings, email_reset_password: 'https://app.example/new-password' };
    expect((await app.admin.client.request('PUT', path, { body: settings })).status).toBe(200);
    await app.killAndRestart();
    expect(await linkInMail()).toBe('https://app.example/new-password');
  });

  it('forgot-password logs the error code of a refused mail without its address', async () => {
    smtp.refuse('550 No such user: known@example.com');
    try {
      const since = app.output().length;
      expect((await app.anonymous.post(forgotPassword, { email: accounts.known })).status).toBe(200);
      while (!/forgot-password: the mail was not sent: .*EENVELOPE/u.test(app.output().slice(since))) {
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    } finally {
      smtp.refuse(undefined);
    }
    expect(app.output()).not.toMatch(/known@|example\.com/u);
  });

  it.each([forgotPassword, sendConfirmation])('%s returns 400 for an invalid email address', async (path) => {
    for (const body of [{}, { email: '' }, { email: 'known' }, { email: 1 }, { email: { $ne: null } }]) {
      expect([body, (await app.anonymous.post(path, body)).status]).toEqual([body, 400]);
    }
  });
});

describe('without a working mail server', () => {
  it('forgot-password and send-email-confirmation send the same reply for every address', async () => {
    const env = {
      EMAIL_SMTP_HOST: '127.0.0.1',
      EMAIL_SMTP_PORT: String(await freePort()),
      EMAIL_FROM: 'chat@sender.example',
    };
    const app = await startApp({ env });
    try {
      await addAccounts(app);
      for (const path of [forgotPassword, sendConfirmation]) {
        const [first, ...others] = await repliesTo(app, path);
        expect(first).toMatchObject({ status: 200 });
        for (const reply of others) expect(reply).toEqual(first);
      }
      while ((app.output().match(/the mail was not sent/gu) ?? []).length < 3) {
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      expect(app.output()).not.toMatch(/@example\.com/u);
    } finally {
      await app.stop();
    }
  });

  it('forgot-password does not wait for a silent mail server', async () => {
    const silent = await startSilentServer();
    const env = {
      EMAIL_SMTP_HOST: '127.0.0.1',
      EMAIL_SMTP_PORT: String(silent.port),
      EMAIL_FROM: 'chat@sender.example',
    };
    const app = await startApp({ env });
    try {
      await addAccounts(app);
      const connected = silent.connected();
      expect(await repliesTo(app, forgotPassword)).toHaveLength(kinds.length);
      await connected;
      expect(silent.mailsDone()).toBe(0);
    } finally {
      silent.close();
      await app.stop();
    }
  });
});

/** Starts a server that accepts connections and never sends anything. */
async function startSilentServer() {
  const sockets: Socket[] = [];
  const server = createServer((socket) => sockets.push(socket.on('error', () => undefined)));
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    connected: () => once(server, 'connection'),
    mailsDone: () => sockets.filter((socket) => socket.destroyed).length,
    close() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}
