/** One way in which the emulator differs from recordings. */
export type Difference = {
  /** The recordings: `version/file/name`. Each of them contains `recorded`. */
  readonly in: RegExp;
  /** A part of the text that `shapeOf` returns. */
  readonly recorded: string | RegExp;
  /** What the emulator sends in its place. */
  readonly emulated: string;
  readonly reason: string;
};

const unknownRoute =
  '404 content-type: text/html; charset=utf-8\n<!doctype html>\n<html lang=en>\n<title>404 Not Found</title>\n' +
  '<h1>Not Found</h1>\n<p>The requested URL was not found on the server. ' +
  'If you entered the URL manually please check your spelling and try again.</p>';

/** The test fails when a difference disappears and when a new one appears. */
export const differences: readonly Difference[] = [
  {
    in: /^1\.12\.1\/.*\/site$/u,
    recorded: /^200 [^]+$/gu,
    emulated: unknownRoute,
    reason: 'The product does not read the settings of the public page.',
  },
  {
    in: /^1\.12\.1\/.*\/variables$/u,
    recorded: /^200 [^]+$/gu,
    emulated: unknownRoute,
    reason: 'The product does not use the variables of a conversation.',
  },
  {
    in: /^1\.12\.1\/.*\/conversations$/u,
    recorded: '"name":"fail=429"',
    emulated: '"name":"New conversation"',
    reason:
      'The recordings do not contain the question of this conversation, so the origin of the name is unknown.',
  },
  {
    in: /\/console\/app$/u,
    recorded: /("mode": ?"chat", ?).*("model_config")/gu,
    emulated: '$1$2',
    reason: 'The product reads the mode and the configuration of an app, and not its icon or switches.',
  },
  {
    in: /\/console\/app$/u,
    recorded: /, ?"created_by": ?"‹id 2›".*$/gmu,
    emulated: '}}',
    reason: 'The product reads the mode and the configuration of an app, and not its authors or its site.',
  },
  {
    in: /^0\.15\.3\/console\/provider-unknown$/u,
    recorded: /\['openai', .*\]/gu,
    emulated: "['openai_api_compatible', 'openai']",
    reason: 'The workspace of the emulator knows two providers.',
  },
  {
    in: /^0\.15\.3\/console\/agent-chat$/u,
    recorded: /^(data: .*"observation": )‹text›(, "tool": "current_time".*\n)/gmu,
    emulated: '$1""$2$&',
    reason:
      'This recording lacks the step with a tool before its result. The recording of the Service API has it.',
  },
];
