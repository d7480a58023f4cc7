import { z } from 'zod';

/** What the server replies at `/`. */
export type LandingPage =
  | { readonly kind: 'own' }
  | { readonly kind: 'off' }
  | { readonly kind: 'file'; readonly file: string }
  | { readonly kind: 'address'; readonly address: string };

const flags: Readonly<Record<string, boolean>> = Object.fromEntries([
  ...['true', '1', 'yes', 'on'].map((word) => [word, true] as const),
  ...['false', '0', 'no', 'off'].map((word) => [word, false] as const),
]);

/** `true`, `false`, an HTML file, or an address that `/` redirects to. The default is the server's own page. */
export const landingPage = z
  .string()
  .default('true')
  .transform((text, context): LandingPage => {
    const isOn = flags[text.toLowerCase()];
    if (isOn !== undefined) return { kind: isOn ? 'own' : 'off' };
    // Two slashes would begin the address of another server.
    if (/^https?:\/\/\S+$/iu.test(text)) return { kind: 'address', address: text };
    if (/\.html?$/iu.test(text)) return { kind: 'file', file: text };
    if (/^\/[^/\s]\S*$/u.test(text)) return { kind: 'address', address: text };
    context.addIssue({
      code: 'custom',
      message: 'must be true, false, the path of an .html file, or an address, e.g. /chat/',
    });
    return z.NEVER;
  });
