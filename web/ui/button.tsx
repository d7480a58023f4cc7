import type { ComponentChildren, JSX } from 'preact';

type Attributes = Omit<JSX.IntrinsicElements['button'], 'class' | 'icon'> & { readonly class?: string };

export interface ButtonProps extends Attributes {
  readonly kind?: 'primary' | 'plain' | 'danger';
  readonly children?: ComponentChildren;
}

export function Button({ kind = 'plain', type = 'button', class: name = '', ...rest }: ButtonProps) {
  return <button type={type} class={`button ${kind} ${name}`} {...rest} />;
}

export interface IconButtonProps extends Attributes {
  /** What the button does, for screen readers and as a tooltip. */
  readonly label: string;
  readonly children: ComponentChildren;
}

export function IconButton({ label, type = 'button', class: name = '', ...rest }: IconButtonProps) {
  return <button type={type} class={`icon-button ${name}`} aria-label={label} title={label} {...rest} />;
}
