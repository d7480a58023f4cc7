/** One bar: its value, and the lowest and highest round. */
export interface Bar {
  readonly name: string;
  readonly value: number;
  readonly min: number;
  readonly max: number;
  readonly isOurs: boolean;
}

export interface Panel {
  readonly title: string;
  readonly unit: string;
  readonly bars: readonly Bar[];
}

export interface Chart {
  readonly title: string;
  /** How the figures were measured: the command, the machine, the versions. */
  readonly notes: readonly string[];
  readonly panels: readonly Panel[];
}

const width = 860;
const left = 220;
const barArea = 520;
const rowHeight = 22;
const panelGap = 44;

const escapes: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
const escape = (text: string) => text.replaceAll(/[&<>"]/gu, (character) => escapes[character] ?? '');

/** Draws bars below each other for each figure; shorter is better. The colours suit light and dark pages. */
export function toSvg({ title, notes, panels }: Chart, toShort: (value: number) => string): string {
  const lines: string[] = [];
  let y = 34;
  const text = (content: string, at: { x: number; y: number; kind: string; anchor?: string }) => {
    const anchor = at.anchor === undefined ? '' : ` text-anchor="${at.anchor}"`;
    lines.push(`<text x="${at.x}" y="${at.y}" class="${at.kind}"${anchor}>${escape(content)}</text>`);
  };

  text(title, { x: 16, y, kind: 'title' });
  for (const note of notes) text(note, { x: 16, y: (y += 18), kind: 'note' });
  for (const panel of panels) {
    y += panelGap;
    text(`${panel.title} (${panel.unit})`, { x: 16, y: y - 10, kind: 'panel' });
    const longest = Math.max(...panel.bars.map(({ max }) => max), Number.MIN_VALUE);
    const scale = (value: number) => Math.max(0, (value / longest) * barArea);
    for (const { name, value, min, max, isOurs } of panel.bars) {
      const middle = y + rowHeight / 2;
      text(name, { x: left - 10, y: middle + 4, kind: isOurs ? 'ours label' : 'label', anchor: 'end' });
      lines.push(bar({ y: y + 3, length: scale(value), kind: isOurs ? 'ours' : 'peer' }));
      lines.push(whisker({ y: middle, from: scale(min), to: scale(max) }));
      text(toShort(value), { x: left + scale(max) + 8, y: middle + 4, kind: 'value' });
      y += rowHeight;
    }
  }
  return toDocument(lines, y + 24, title);
}

function bar({ y, length, kind }: { y: number; length: number; kind: string }): string {
  return `<rect x="${left}" y="${y}" width="${length.toFixed(1)}" height="${rowHeight - 6}" rx="2" class="${kind}"/>`;
}

/** Draws a line from the lowest round to the highest. */
function whisker({ y, from, to }: { y: number; from: number; to: number }): string {
  const [start, end] = [(left + from).toFixed(1), (left + to).toFixed(1)];
  return `<path d="M${start} ${y}H${end}M${start} ${y - 4}v8M${end} ${y - 4}v8" class="whisker"/>`;
}

function toDocument(lines: readonly string[], height: number, title: string): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-label="${escape(title)}">
<style>
text { font: 13px system-ui, sans-serif; fill: #57606a }
.title { font-size: 18px; font-weight: 600 } .panel { font-size: 14px; font-weight: 600 } .note { font-size: 12px }
rect.peer { fill: #9aa4af } rect.ours { fill: #2f81f7 } text.ours { font-weight: 600 }
.whisker { stroke: #57606a; fill: none }
@media (prefers-color-scheme: dark) { text { fill: #adbac7 } .whisker { stroke: #adbac7 } }
</style>
${lines.join('\n')}
</svg>
`;
}
