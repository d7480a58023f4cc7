import type { Profile } from '../frames';
import type { Reply } from '../reply';
import type { HttpAnswer } from '../wire';

export type FaultParams = Readonly<Record<string, string | number>>;

/**
 * One kind of fault. `answer` replies before Dify looks at the request, as a gateway does. `play` writes a reply after
 * the question is valid and its rows exist.
 */
export type FaultKind<P extends FaultParams = FaultParams> = {
  /** One line for the README. */
  readonly does: string;
  /** Parameters with their default values. */
  readonly params: P;
} & (
  | { readonly answer: (params: P, profile: Profile) => HttpAnswer | 'no answer'; readonly play?: never }
  | { readonly play: (reply: Reply, params: P) => Promise<void>; readonly answer?: never }
);

/** Creates a fault with `answer`. Derives the types of the parameters from their defaults. */
export function answers<P extends FaultParams>(
  does: string,
  params: P,
  answer: (params: Widened<P>, profile: Profile) => HttpAnswer | 'no answer',
): FaultKind<Widened<P>> {
  return { does, params: params as Widened<P>, answer };
}

export function plays<P extends FaultParams>(
  does: string,
  params: P,
  play: (reply: Reply, params: Widened<P>) => Promise<void>,
): FaultKind<Widened<P>> {
  return { does, params: params as Widened<P>, play };
}

type Widened<P> = {
  readonly [K in keyof P]: P[K] extends number ? number : P[K] extends string ? string : P[K];
};
