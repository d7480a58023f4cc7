import { useEffect, useState } from 'preact/hooks';

import { words } from '../i18n';
import { client } from '../platform/client';
import { loadServerSettings, serverSettings } from '../platform/server-settings';
import { Button } from '../ui/button';
import { Field } from '../ui/field';
import { Link } from '../ui/link';
import { showError, showToast } from '../ui/toast';
import { Form } from './form';
import { openNext, toGuestPage } from './next';
import { Page } from './page';
import { NewPasswordField } from './password-field';

export function RegisterPage() {
  const [emailToConfirm, setEmailToConfirm] = useState<string | null>(null);
  const { register, haveAccount, logIn, registrationClosed } = words.value;
  useEffect(() => void loadServerSettings(), []);

  async function send(read: (name: string) => string): Promise<void> {
    const account = { username: read('username'), email: read('email'), password: read('password') };
    const { isLoggedIn } = await client.register(account);
    if (isLoggedIn) openNext();
    else setEmailToConfirm(account.email);
  }

  if (emailToConfirm !== null) return <ConfirmEmailPage email={emailToConfirm} />;
  return (
    <Page title={register}>
      {serverSettings.value.canRegister ? (
        <Form action={register} onSend={send}>
          <Field label={words.value.username} name="username" autocomplete="nickname" required />
          <Field label={words.value.email} name="email" type="email" autocomplete="username" required />
          <NewPasswordField />
        </Form>
      ) : (
        <p>{registrationClosed}</p>
      )}
      <p>
        {haveAccount} <Link to={toGuestPage('login')}>{logIn}</Link>
      </p>
    </Page>
  );
}

function ConfirmEmailPage({ email }: { readonly email: string }) {
  const { checkMail, confirmEmail, sendAgain, mailSent, backToLogin } = words.value;
  async function sendMail(): Promise<void> {
    try {
      await client.sendEmailConfirmation({ email });
      showToast({ text: mailSent });
    } catch (error) {
      showError(error);
    }
  }
  return (
    <Page title={checkMail}>
      <p>{confirmEmail(email)}</p>
      <Button onClick={() => void sendMail()}>{sendAgain}</Button>
      <p>
        <Link to={toGuestPage('login')}>{backToLogin}</Link>
      </p>
    </Page>
  );
}
