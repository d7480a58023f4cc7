import { useEffect, useId, useRef, useState } from 'react';

import {
  Box,
  Button,
  Field,
  Flex,
  IconButton,
  TextInput,
  Typography,
  VisuallyHidden,
} from '@strapi/design-system';
import { ArrowDown, ArrowUp, Plus, Trash } from '@strapi/icons';
import { useField, useFocusInputField } from '@strapi/strapi/admin';

import type { InputProps } from './input-props';
import { moveBy, removeAt, replaceAt, toQuestions } from './question-list';
import { useText } from './use-text';

/** What gets the focus after a change: a control of one question, or the button that adds one. */
type Focus = `${'text' | 'up' | 'down'}-${number}` | 'add';

/** A list of texts that can be added, removed and reordered with buttons. */
export default function QuestionsInput({ name, label, labelAction, disabled = false }: InputProps) {
  const text = useText();
  const id = useId();
  const field = useField<unknown>(name);
  const questions = toQuestions(field.value);
  const { list, focusNext } = useFocusAfterChange();
  const focusRef = useFocusInputField<HTMLButtonElement>(name);
  const [news, setNews] = useState('');

  function change(next: readonly string[], focus?: Focus, announced = ''): void {
    field.onChange(name, next.length === 0 ? null : next);
    if (focus !== undefined) focusNext(focus);
    setNews(announced);
  }

  function move(index: number, step: 1 | -1): void {
    const place = index + step;
    const isAtEnd = place === 0 || place === questions.length - 1;
    // The button at the end of the list is disabled, and cannot keep the focus.
    const control = isAtEnd ? 'text' : step === 1 ? 'down' : 'up';
    const values = { place: place + 1, count: questions.length };
    change(
      moveBy(questions, index, step),
      `${control}-${place}`,
      text('character-chat.form.questions.moved', values),
    );
  }

  function remove(index: number): void {
    const place = Math.min(index, questions.length - 2);
    const values = { place: index + 1 };
    change(
      removeAt(questions, index),
      place < 0 ? 'add' : `text-${place}`,
      text('character-chat.form.questions.removed', values),
    );
  }

  return (
    <Field.Root
      id={id}
      name={name}
      error={field.error ?? false}
      hint={text('character-chat.form.questions.hint')}
    >
      <Flex gap={1}>
        <Typography id={`${id}-label`} variant="pi" fontWeight="bold" textColor="neutral800">
          {label}
        </Typography>
        {labelAction}
      </Flex>
      <Box
        ref={list}
        role="group"
        aria-labelledby={`${id}-label`}
        aria-describedby={`${id}-hint ${id}-error`}
      >
        <Flex direction="column" alignItems="stretch" gap={2}>
          {questions.map((question, index) => (
            <Question
              key={index}
              name={`${name}.${index}`}
              place={index + 1}
              count={questions.length}
              question={question}
              disabled={disabled}
              onChange={(value) => change(replaceAt(questions, index, value))}
              onMove={(step) => move(index, step)}
              onRemove={() => remove(index)}
            />
          ))}
          <Box>
            <Button
              ref={focusRef}
              data-focus="add"
              variant="secondary"
              startIcon={<Plus />}
              disabled={disabled}
              onClick={() => change([...questions, ''], `text-${questions.length}`)}
            >
              {text('character-chat.form.questions.add')}
            </Button>
          </Box>
        </Flex>
      </Box>
      <Field.Hint />
      <Field.Error />
      <VisuallyHidden role="status">{news}</VisuallyHidden>
    </Field.Root>
  );
}

interface QuestionProps {
  readonly name: string;
  /** Counts from 1. */
  readonly place: number;
  readonly count: number;
  readonly question: string;
  readonly disabled: boolean;
  readonly onChange: (value: string) => void;
  readonly onMove: (step: 1 | -1) => void;
  readonly onRemove: () => void;
}

function Question({ name, place, count, question, disabled, onChange, onMove, onRemove }: QuestionProps) {
  const text = useText();
  const index = place - 1;
  return (
    <Flex gap={1}>
      <Field.Root name={name} flex="1">
        <TextInput
          data-focus={`text-${index}`}
          aria-label={text('character-chat.form.questions.question', { place })}
          value={question}
          disabled={disabled}
          onChange={({ target }) => onChange(target.value)}
        />
      </Field.Root>
      <IconButton
        data-focus={`up-${index}`}
        label={text('character-chat.form.questions.up', { place })}
        disabled={disabled || place === 1}
        onClick={() => onMove(-1)}
      >
        <ArrowUp />
      </IconButton>
      <IconButton
        data-focus={`down-${index}`}
        label={text('character-chat.form.questions.down', { place })}
        disabled={disabled || place === count}
        onClick={() => onMove(1)}
      >
        <ArrowDown />
      </IconButton>
      <IconButton
        label={text('character-chat.form.questions.remove', { place })}
        disabled={disabled}
        onClick={onRemove}
      >
        <Trash />
      </IconButton>
    </Flex>
  );
}

/** Moves the focus once the changed list is on the page. */
function useFocusAfterChange() {
  const list = useRef<HTMLDivElement>(null);
  const next = useRef<Focus | null>(null);
  useEffect(() => {
    if (next.current === null) return;
    list.current?.querySelector<HTMLElement>(`[data-focus="${next.current}"]`)?.focus();
    next.current = null;
  });
  return { list, focusNext: (focus: Focus) => void (next.current = focus) };
}
