import type { Account } from 'character-chat-client';
import type { ComponentChildren } from 'preact';
import { useEffect, useId, useState } from 'preact/hooks';

import { words } from '../i18n';
import { client } from '../platform/client';
import { navigate } from '../platform/router';
import { Button } from '../ui/button';
import { Field } from '../ui/field';
import { Link } from '../ui/link';
import { showError, showToast } from '../ui/toast';
import { Form } from './form';
import { OwnData } from './own-data';
import { Page } from './page';
import { NewPasswordField } from './password-field';
import { PersonalTokens } from './personal-tokens';

/** Everything that a user can do with the account. */
export function AccountPage() {
  const { account, backToChat, changePassword, logins, personalTokens, yourData } = words.value;
  return (
    <Page title={account}>
      <Profile />
      <Section title={changePassword}>
        <ChangePassword />
      </Section>
      <Section title={logins}>
        <Logins />
      </Section>
      <Section title={personalTokens}>
        <PersonalTokens />
      </Section>
      <Section title={yourData}>
        <OwnData />
      </Section>
      <p>
        <Link to={{ page: 'start' }}>{backToChat}</Link>
      </p>
    </Page>
  );
}

function Section({ title, children }: { readonly title: string; readonly children: ComponentChildren }) {
  const id = useId();
  return (
    <section class="account-section" aria-labelledby={id}>
      <h2 id={id}>{title}</h2>
      {children}
    </section>
  );
}

function Profile() {
  const [account, setAccount] = useState<Account | null>(null);
  useEffect(() => void client.me().then(setAccount, showError), []);
  return (
    <p class="quiet">{account === null ? words.value.loading : `${account.username} · ${account.email}`}</p>
  );
}

function ChangePassword() {
  const { changePassword, currentPassword, passwordChanged } = words.value;

  async function send(read: (name: string) => string, form: HTMLFormElement): Promise<void> {
    const password = read('password');
    await client.changePassword({
      currentPassword: read('currentPassword'),
      password,
      passwordConfirmation: password,
    });
    form.reset();
    showToast({ text: passwordChanged });
  }

  return (
    <Form action={changePassword} onSend={send}>
      <Field
        label={currentPassword}
        name="currentPassword"
        type="password"
        autocomplete="current-password"
        required
      />
      <NewPasswordField />
    </Form>
  );
}

function Logins() {
  const { loginsHint, logOut, logOutEverywhere } = words.value;
  async function leave(everywhere: boolean): Promise<void> {
    try {
      await client.logout({ everywhere });
      navigate({ page: 'login' });
    } catch (error) {
      showError(error);
    }
  }
  return (
    <>
      <p>{loginsHint}</p>
      <p class="actions">
        <Button onClick={() => void leave(false)}>{logOut}</Button>
        <Button kind="danger" onClick={() => void leave(true)}>
          {logOutEverywhere}
        </Button>
      </p>
    </>
  );
}
