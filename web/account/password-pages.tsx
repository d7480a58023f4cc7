import { useState } from 'preact/hooks';

import { words } from '../i18n';
import { client } from '../platform/client';
import { navigate } from '../platform/router';
import { Field } from '../ui/field';
import { Link } from '../ui/link';
import { Form } from './form';
import { toGuestPage } from './next';
import { Page } from './page';
import { NewPasswordField } from './password-field';

/** Asks for a mail with a link to the page below. The reply does not say whether the account exists. */
export function ForgotPasswordPage() {
  const [sentTo, setSentTo] = useState<string | null>(null);
  const { forgotPassword, forgotPasswordHint, sendLink, linkSent, email, backToLogin } = words.value;

  async function send(read: (name: string) => string): Promise<void> {
    await client.forgotPassword({ email: read('email') });
    setSentTo(read('email'));
  }

  return (
    <Page title={forgotPassword}>
      <p>{forgotPasswordHint}</p>
      <Form action={sendLink} onSend={send}>
        <Field label={email} name="email" type="email" autocomplete="email" required />
      </Form>
      <p role="status">{sentTo !== null && linkSent(sentTo)}</p>
      <p>
        <Link to={toGuestPage('login')}>{backToLogin}</Link>
      </p>
    </Page>
  );
}

/** The link of the mail opens it. `code` is that of the mail. */
export function ResetPasswordPage({ code }: { readonly code: string }) {
  const { resetPassword, resetWithoutCode, setPassword, forgotPassword } = words.value;

  async function send(read: (name: string) => string): Promise<void> {
    const password = read('password');
    await client.resetPassword({ code, password, passwordConfirmation: password });
    navigate({ page: 'start' }, { replace: true });
  }

  return (
    <Page title={resetPassword}>
      {code === '' ? (
        <p>{resetWithoutCode}</p>
      ) : (
        <Form action={setPassword} onSend={send}>
          <NewPasswordField />
        </Form>
      )}
      <p>
        <Link to={toGuestPage('forgot-password')}>{forgotPassword}</Link>
      </p>
    </Page>
  );
}
