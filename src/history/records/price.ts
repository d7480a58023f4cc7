/** Prices as whole numbers of billionths. These add up exactly, unlike fractions. */

const digits = 9;

/** Parses a decimal number. Returns null if the text is no number, is negative, or is too large to count exactly. */
export function toNanos(price: string): number | null {
  const [, whole = '', fraction = '', exponent = '0'] =
    /^(\d{1,15})(?:\.(\d{0,40}))?(?:e([+-]?\d{1,2}))?$/iu.exec(price.trim()) ?? [];
  if (whole === '') return null;
  const places = digits + Number(exponent) - fraction.length;
  const number = BigInt(whole + fraction);
  const nanos = places >= 0 ? number * 10n ** BigInt(places) : roundTo(number, 10n ** BigInt(-places));
  return nanos <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(nanos) : null;
}

/** Formats a decimal number without superfluous zeros: `0.0012`. */
export function fromNanos(nanos: bigint): string {
  const text = String(nanos).padStart(digits + 1, '0');
  const fraction = text.slice(-digits).replace(/0+$/u, '');
  const whole = text.slice(0, -digits);
  return fraction === '' ? whole : `${whole}.${fraction}`;
}

function roundTo(number: bigint, unit: bigint): bigint {
  return (number + unit / 2n) / unit;
}
