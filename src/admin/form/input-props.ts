import type { ReactNode } from 'react';

/** What the Content Manager gives to the input of a custom field. */
export interface InputProps {
  readonly name: string;
  readonly label: ReactNode;
  readonly labelAction?: ReactNode;
  readonly required?: boolean;
  readonly disabled?: boolean;
}
