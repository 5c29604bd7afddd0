// Pages of which a part is written by hand, and a part by a program.

/** A part that a program writes: what stands between its two marks. */
export interface MarkedBlock {
  readonly begin: string;
  readonly end: string;
  readonly content: string;
}

/** The page with every block written again; a block without its marks in the page is an error. */
export function fillBlocks(page: string, blocks: readonly MarkedBlock[]): string {
  return blocks.reduce((text, { begin, end, content }) => {
    const [from, to] = [text.indexOf(begin), text.indexOf(end)];
    if (from < 0 || to < from) throw new Error(`the page has no place for a block: ${begin} ... ${end}`);
    return `${text.slice(0, from + begin.length)}\n\n${content}\n\n${text.slice(to)}`;
  }, page);
}
