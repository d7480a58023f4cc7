/** Returns variables that move the clock of a process forward, or back for a negative number of seconds. */
export function clockAhead(seconds: number): Readonly<Record<string, string>> {
  const script = `
    const Right = Date;
    const { now: rightNow } = Date;
    const now = () => rightNow() + ${seconds * 1000};
    globalThis.Date = new Proxy(Right, {
      construct: (target, args, self) => Reflect.construct(target, args.length > 0 ? args : [now()], self),
      apply: () => new Right(now()).toString(),
      get: (target, name) => (name === 'now' ? now : Reflect.get(target, name)),
    });`;
  return { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(script)}` };
}
