import { useEffect } from 'preact/hooks';

import { words } from '../i18n';
import { client } from '../platform/client';
import { navigate, route } from '../platform/router';
import { loadServerSettings, serverSettings } from '../platform/server-settings';
import { Field } from '../ui/field';
import { Link } from '../ui/link';
import { Form } from './form';
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
          if (route.value.page === 'login') navigate({ page: 'start' }, { replace: true });
        }}
      >
        <Field label={identifier} name="identifier" autocomplete="username" required />
        <Field label={password} name="password" type="password" autocomplete="current-password" required />
      </Form>
      <p>
        <Link to={{ page: 'forgot-password' }}>{forgotPassword}</Link>
      </p>
      {serverSettings.value.canRegister && (
        <p>
          {newHere} <Link to={{ page: 'register' }}>{register}</Link>
        </p>
      )}
    </Page>
  );
}
