import type { ChatClient } from 'character-chat-client';
import { useId } from 'preact/hooks';

import { words } from '../i18n';
import { client } from '../platform/client';
import { Field } from '../ui/field';
import { Form } from './form';

/** A new token with its text, which only this reply has. */
export type CreatedToken = Awaited<ReturnType<ChatClient['personalTokens']['create']>>;

/** The choices for the life of a token. `''` is without an end. */
const lives = ['30', '90', '365', ''] as const;
const dayMs = 24 * 60 * 60 * 1000;

export function CreateToken({ onCreated }: { readonly onCreated: (token: CreatedToken) => void }) {
  const { createToken, tokenName, tokenScopes, scopeRead, scopeAsk, tokenDays, days, withoutEnd } =
    words.value;
  const daysId = useId();

  async function send(read: (name: string) => string, form: HTMLFormElement): Promise<void> {
    const life = read('days');
    const token = await client.personalTokens.create({
      name: read('name'),
      scopes: read('ask') === '' ? ['read'] : ['read', 'ask'],
      expires_at: life === '' ? null : new Date(Date.now() + Number(life) * dayMs).toISOString(),
    });
    form.reset();
    onCreated(token);
  }

  return (
    <Form action={createToken} onSend={send}>
      <Field label={tokenName} name="name" maxLength={100} required />
      <fieldset>
        <legend>{tokenScopes}</legend>
        <label>
          <input type="checkbox" checked disabled /> {scopeRead}
        </label>
        <label>
          <input type="checkbox" name="ask" /> {scopeAsk}
        </label>
      </fieldset>
      <div class="field">
        <label for={daysId}>{tokenDays}</label>
        <select id={daysId} name="days">
          {lives.map((life) => (
            <option key={life} value={life}>
              {life === '' ? withoutEnd : days(Number(life))}
            </option>
          ))}
        </select>
      </div>
    </Form>
  );
}
