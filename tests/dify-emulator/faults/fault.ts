import type { Profile } from '../frames';
import type { Reply } from '../reply';
import type { HttpAnswer } from '../wire';

export type FaultParams = Readonly<Record<string, string | number>>;

/**
 * A way for Dify to misbehave. Either an answer given before Dify looks at the request, as a gateway
 * would, or a reply played once the question is valid and its rows are there.
 */
export type FaultKind<P extends FaultParams = FaultParams> = {
  /** One sentence for the README. */
  readonly does: string;
  /** Parameters with their defaults. */
  readonly params: P;
} & (
  | { readonly answer: (params: P, profile: Profile) => HttpAnswer | 'no answer'; readonly play?: never }
  | { readonly play: (reply: Reply, params: P) => Promise<void>; readonly answer?: never }
);

/** Ties the types of a fault's parameters to their defaults. */
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
