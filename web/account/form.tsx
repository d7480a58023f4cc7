import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';

import { textOf } from '../i18n/errors';
import { Button } from '../ui/button';

export interface FormProps {
  /** The text of the button. */
  readonly action: string;
  /** Sends the fields. The form shows an error of it. */
  readonly onSend: (read: (name: string) => string, form: HTMLFormElement) => Promise<void>;
  readonly children: ComponentChildren;
}

/** A form of labelled fields with one button. It can be sent once at a time. */
export function Form({ action, onSend, children }: FormProps) {
  const [isSending, setSending] = useState(false);
  const [problem, setProblem] = useState<unknown>(null);

  async function onSubmit(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    if (isSending) return;
    const form = event.currentTarget as HTMLFormElement;
    const fields = new FormData(form);
    setSending(true);
    setProblem(null);
    try {
      await onSend((name) => (fields.get(name) as string | null) ?? '', form);
    } catch (error) {
      setProblem(error);
    } finally {
      setSending(false);
    }
  }

  return (
    <form class="account-form" onSubmit={(event) => void onSubmit(event)}>
      {children}
      <p class="problem" role="alert">
        {problem !== null && textOf(problem)}
      </p>
      <Button kind="primary" type="submit" aria-disabled={isSending}>
        {action}
      </Button>
    </form>
  );
}
