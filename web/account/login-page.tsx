import { useEffect } from 'preact/hooks';

import { words } from '../i18n';
import { client } from '../platform/client';
import { loadServerSettings, serverSettings } from '../platform/server-settings';
import { Field } from '../ui/field';
import { Link } from '../ui/link';
import { Form } from './form';
import { openNext, toGuestPage } from './next';
import { Page } from './page';

/** It is also shown instead of a page that needs a login, which then opens. */
export function LoginPage() {
  const { logIn, identifier, password, forgotPassword, newHere, register } = words.value;
  useEffect(() => void loadServerSettings(), []);
  return (
    <Page title={logIn}>
      <Form
        action={logIn}
        onSend={async (read) => {
          await client.login({ identifier: read('identifier'), password: read('password') });
          openNext();
        }}
      >
        <Field label={identifier} name="identifier" autocomplete="username" required />
        <Field label={password} name="password" type="password" autocomplete="current-password" required />
      </Form>
      <p>
        <Link to={toGuestPage('forgot-password')}>{forgotPassword}</Link>
      </p>
      {serverSettings.value.canRegister && (
        <p>
          {newHere} <Link to={toGuestPage('register')}>{register}</Link>
        </p>
      )}
    </Page>
  );
}
