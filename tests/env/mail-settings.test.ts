import { readMailConfig } from '../../src/env/mail-settings';

const read = (variables: Readonly<Record<string, string>>) => readMailConfig((name) => variables[name]);
const required = { EMAIL_SMTP_HOST: 'smtp.example.com', EMAIL_FROM: 'Chat <chat@example.com>' };

describe('the mail settings', () => {
  it('keep the default mail provider of Strapi if no SMTP server is set', () => {
    expect(read({})).toBeUndefined();
    expect(read({ EMAIL_SMTP_HOST: ' ', EMAIL_FROM: 'chat@example.com' })).toBeUndefined();
  });

  it('contain the SMTP server, the sender and the reply address', () => {
    expect(read({ ...required, EMAIL_REPLY_TO: 'help@example.com' })).toMatchObject({
      provider: 'nodemailer',
      providerOptions: { host: 'smtp.example.com', port: 587, secure: false },
      settings: { defaultFrom: 'Chat <chat@example.com>', defaultReplyTo: 'help@example.com' },
    });
  });

  it('require TLS if a password is set', () => {
    const login = { EMAIL_SMTP_USER: 'chat', EMAIL_SMTP_PASSWORD: 'word' };
    expect(read({ ...required, ...login })).toMatchObject({
      providerOptions: { auth: { user: 'chat', pass: 'word' }, requireTLS: true },
    });
    expect(read({ ...required, EMAIL_SMTP_PORT: '465', EMAIL_SMTP_SECURE: 'true' })).toMatchObject({
      providerOptions: { port: 465, secure: true },
    });
    expect(read(required)?.providerOptions).not.toHaveProperty('auth');
  });

  it.each([
    ['EMAIL_FROM is missing', { EMAIL_SMTP_HOST: 'smtp.example.com' }],
    ['EMAIL_SMTP_PASSWORD is missing', { ...required, EMAIL_SMTP_USER: 'chat' }],
    ['EMAIL_SMTP_USER is missing', { ...required, EMAIL_SMTP_PASSWORD: 'word' }],
    ['EMAIL_SMTP_HOST must be', { ...required, EMAIL_SMTP_HOST: 'smtp://smtp.example.com' }],
    ['EMAIL_SMTP_PORT can be at most 65535', { ...required, EMAIL_SMTP_PORT: '70000' }],
    ['EMAIL_FROM must be an email address', { ...required, EMAIL_FROM: 'Chat' }],
    [
      'EMAIL_REPLY_TO must be an email address',
      { ...required, EMAIL_REPLY_TO: 'a@b.example\r\nBcc: c@d.example' },
    ],
  ])('stop the startup with the problem: %s', (problem, variables) => {
    expect(() => read(variables)).toThrow(problem);
  });
});
