import type { JSX } from 'preact';
import { useId } from 'preact/hooks';

export interface FieldProps extends Omit<JSX.IntrinsicElements['input'], 'label'> {
  readonly label: string;
  /** Explains what is wrong with the value. */
  readonly problem?: string | null;
}

/** An input with its label, and with what is wrong with it. */
export function Field({ label, problem = null, ...input }: FieldProps) {
  const id = useId();
  const problemId = `${id}-problem`;
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <input
        id={id}
        aria-invalid={problem !== null}
        {...(problem !== null && { 'aria-describedby': problemId })}
        {...input}
      />
      {problem !== null && (
        <p id={problemId} class="problem">
          {problem}
        </p>
      )}
    </div>
  );
}
