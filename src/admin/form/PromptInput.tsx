import { useRef } from 'react';

import { Button, Field, Flex, Textarea, Typography, useComposedRefs } from '@strapi/design-system';
import { useField, useFocusInputField, useForm } from '@strapi/strapi/admin';

import { fillMacros } from '../../chat/model/macros';
import type { InputProps } from './input-props';
import { usePromptLimit } from './use-prompt-limit';
import { useText } from './use-text';

const variables = ['char', 'user'] as const;

/** The prompt, with a count of what the upstream gets and buttons for the variables. */
export default function PromptInput({ name, label, labelAction, required = false, disabled }: InputProps) {
  const text = useText();
  const field = useField<string | null>(name);
  const input = useRef<HTMLTextAreaElement>(null);
  const ref = useComposedRefs<HTMLTextAreaElement>(input, useFocusInputField<HTMLTextAreaElement>(name));
  const value = field.value ?? '';

  function insert(variable: string): void {
    const { selectionStart = value.length, selectionEnd = value.length } = input.current ?? {};
    field.onChange(name, value.slice(0, selectionStart) + variable + value.slice(selectionEnd));
    const cursor = selectionStart + variable.length;
    // React sets the new text before the next frame.
    requestAnimationFrame(() => {
      input.current?.focus();
      input.current?.setSelectionRange(cursor, cursor);
    });
  }

  return (
    <Field.Root
      name={name}
      error={field.error ?? false}
      hint={text('character-chat.form.prompt.hint')}
      required={required}
    >
      <Field.Label action={labelAction}>{label}</Field.Label>
      <Textarea
        ref={ref}
        name={name}
        value={value}
        disabled={disabled ?? false}
        onChange={field.onChange}
        minHeight="32rem"
        resizable
      />
      <Flex justifyContent="space-between" alignItems="flex-start" wrap="wrap" gap={2}>
        <Field.Hint />
        <PromptCount prompt={value} />
      </Flex>
      <Field.Error />
      <Flex gap={2} wrap="wrap">
        <Typography variant="pi" textColor="neutral600">
          {text('character-chat.form.prompt.variables')}
        </Typography>
        {variables.map((variable) => (
          <Button
            key={variable}
            variant="tertiary"
            size="S"
            disabled={disabled ?? false}
            aria-label={`${text('character-chat.form.prompt.insert', { variable: `{{${variable}}}` })} – ${text(`character-chat.form.prompt.${variable}`)}`}
            onClick={() => insert(`{{${variable}}}`)}
          >
            {`{{${variable}}} – ${text(`character-chat.form.prompt.${variable}`)}`}
          </Button>
        ))}
      </Flex>
    </Field.Root>
  );
}

/** Counts the Unicode characters of the prompt with its macros filled in, as Dify does. */
function PromptCount({ prompt }: { readonly prompt: string }) {
  const text = useText();
  const limit = usePromptLimit();
  const { name } = useForm('PromptInput', ({ values }) => values as { readonly name?: string | null });
  const count = [...fillMacros(prompt, { char: name ?? '{{char}}', user: 'User' })].length;
  const excess = limit === null ? 0 : count - limit;
  return (
    // The hint disappears while the field has an error.
    <Flex direction="column" alignItems="flex-end" marginLeft="auto">
      <Typography variant="pi" textColor={excess > 0 ? 'danger600' : 'neutral600'}>
        {limit === null
          ? text('character-chat.form.prompt.count', { count })
          : text('character-chat.form.prompt.count-of', { count, limit })}
      </Typography>
      <Typography variant="pi" textColor="danger600" role="status">
        {excess > 0 && text('character-chat.form.prompt.too-long', { count: excess })}
      </Typography>
    </Flex>
  );
}
