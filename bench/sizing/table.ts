import { toShort } from '../report/table';
import type { Figures, Measurement } from './figures';
import { durationMs, neededShare, simulate, type TurnCost } from './simulate';

const turnsPerMinute = [60, 300, 600, 1_200, 2_400, 4_800];
/** Dify sends about one event per token. This answer has some two hundred words, at the pace of a fast model. */
const answer = { events: 300, eventsPerSecond: 30, firstEventMs: 1_000 };
/** Target share of a process: delays are short, and the others can take over the turns of one that ends. */
const comfortable = 0.6;

const names = { sqlite: 'SQLite', postgres: 'PostgreSQL' } as const;
const count = (value: number) => value.toLocaleString('en-US');

/**
 * Returns a Markdown table: the load of one process on each database, and the number of processes for more.
 * @param turns number of simulated turns for each row.
 */
export function sizingTable({ startedAt, machine, isQuiet, figures }: Measurement, turns = 5_000): string {
  const { processors, memoryGb, system } = machine;
  const seconds = durationMs({ ...answer, beginMs: 0, eventMs: 0, endMs: 0 }) / 1000;
  const lines = [
    `Simulated by \`npm run bench -- --sizing\` from measurements of ${startedAt.slice(0, 10)}:`,
    `${processors}, ${memoryGb} GB, ${system}.`,
    ...(isQuiet ? [] : ['**The machine was busy: these figures are not reliable.**']),
    `A turn has ${answer.events} events, ${answer.eventsPerSecond} a second from ${answer.firstEventMs / 1000} s after its question. It takes ${seconds} s.`,
    'Its client reads one page.',
  ];
  return [lines.join('\n'), ...figures.map((one) => toSection(one, turns))].join('\n\n');
}

function toSection(figures: Figures, turns: number): string {
  const { kind, eventUs, turnMs, pageMs, turnKb, processMb, messageBytes } = figures;
  const disk =
    messageBytes === null
      ? ''
      : `\nOn disk, a message with its indexes: ${count(Math.round(messageBytes))} bytes.`;
  return `**${names[kind]}.** An event ${toShort(eventUs)} µs, a turn ${toShort(turnMs)} ms, a page ${toShort(pageMs)} ms; ${toShort(processMb)} MB, and ${toShort(turnKb)} KB for each turn that runs.${disk}

| turns a minute | concurrent turns | processor | delay of an event, p50 / p99 | memory | processes |
|---:|---:|---:|---:|---:|---:|
${turnsPerMinute.map((rate) => `| ${toRow(figures, rate, turns).join(' | ')} |`).join('\n')}`;
}

function toRow(figures: Figures, rate: number, turns: number): string[] {
  const turn = toTurnCost(figures);
  const load = simulate(turn, { turnsPerMinute: rate, turns, seed: 1 });
  const processes = Math.ceil(neededShare(turn, rate) / comfortable);
  // Only one process may use a SQLite file.
  const needed = figures.kind === 'sqlite' && processes > 1 ? 'PostgreSQL' : count(processes);
  if (load === 'full') return [count(rate), '', 'full', '', '', needed];
  const { utilisation, running, delayMs } = load;
  return [
    count(rate),
    count(Math.round(running)),
    `${Math.round(utilisation * 100)} %`,
    `${toShort(delayMs.p50)} / ${toShort(delayMs.p99)} ms`,
    `${count(Math.round(figures.processMb + (running * figures.turnKb) / 1024))} MB`,
    needed,
  ];
}

/** Puts half of a turn at each end, in one piece. The real turn has many pieces, for which others wait less. */
function toTurnCost({ eventUs, turnMs, pageMs }: Figures): TurnCost {
  return { ...answer, beginMs: pageMs + turnMs / 2, eventMs: eventUs / 1000, endMs: turnMs / 2 };
}
