export interface CodeBlock {
  /** The word after the opening fence, e.g. `sh`. */
  readonly language: string;
  readonly code: string;
  /** The text of the heading above the block, without its `#`. */
  readonly heading: string;
}

/** Returns the code blocks of a document in order. */
export function codeBlocks(markdown: string): CodeBlock[] {
  const blocks: CodeBlock[] = [];
  let heading = '';
  for (const [, title, language = '', code = ''] of markdown.matchAll(
    /^#+ ([^\n]+)$|^```(\w*)\n(.*?)^```$/gmsu,
  )) {
    if (title === undefined) blocks.push({ language, code, heading });
    else heading = title;
  }
  return blocks;
}
