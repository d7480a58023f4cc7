/** What depends on settings only, made once for each: making a zod schema costs more than all its uses in a request. */
export function oncePer<Settings extends object, Made extends object>(
  make: (settings: Settings) => Made,
): (settings: Settings) => Made {
  const made = new WeakMap<Settings, Made>();
  return (settings) => {
    const existing = made.get(settings);
    if (existing !== undefined) return existing;
    const fresh = make(settings);
    made.set(settings, fresh);
    return fresh;
  };
}
