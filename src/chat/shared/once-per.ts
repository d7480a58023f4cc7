/** Caches the result of `make` for each settings object. It costs more to make a zod schema than to use it. */
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
