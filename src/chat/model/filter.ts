export type Comparison = '=' | '!=' | '<' | '<=' | '>' | '>=';

export type TextMatch = 'whole' | 'contains' | 'startsWith' | 'endsWith';

export type Filter =
  | { readonly kind: 'all' | 'any'; readonly filters: readonly Filter[] }
  | { readonly kind: 'not'; readonly filter: Filter }
  | {
      readonly kind: 'compare';
      readonly field: string;
      readonly comparison: Comparison;
      readonly value: Value;
    }
  | {
      readonly kind: 'match';
      readonly field: string;
      readonly match: TextMatch;
      readonly text: string;
      readonly ignoreCase: boolean;
    }
  | { readonly kind: 'in'; readonly field: string; readonly values: readonly Value[] }
  | { readonly kind: 'null'; readonly field: string };

export type Value = string | number | boolean | Date;
