import { useState } from 'preact/hooks';

import { words } from '../i18n';
import { textOf } from '../i18n/errors';
import { client } from '../platform/client';
import { navigate, type Route } from '../platform/router';
import { Button } from '../ui/button';
import { Field } from '../ui/field';

type AccountRoute = Exclude<Route, { page: 'start' | 'conversation' }>;

/** The pages around an account, by their address. */
export function AccountPages({ route }: { readonly route: AccountRoute }) {
  return route.page === 'login' ? <LoginPage /> : <h1>{words.value.account}</h1>;
}

function LoginPage() {
  const [problem, setProblem] = useState<string | null>(null);
  async function onSubmit(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    const fields = new FormData(event.currentTarget as HTMLFormElement);
    const read = (name: string) => fields.get(name) as string;
    try {
      await client.login({ identifier: read('identifier'), password: read('password') });
      navigate({ page: 'start' }, { replace: true });
    } catch (error) {
      setProblem(textOf(error));
    }
  }
  const { logIn, identifier, password } = words.value;
  return (
    <form class="account-form" onSubmit={(event) => void onSubmit(event)}>
      <h1>{logIn}</h1>
      <Field label={identifier} name="identifier" autocomplete="username" required />
      <Field label={password} name="password" type="password" autocomplete="current-password" required />
      {problem !== null && (
        <p class="problem" role="alert">
          {problem}
        </p>
      )}
      <Button kind="primary" type="submit">
        {logIn}
      </Button>
    </form>
  );
}
