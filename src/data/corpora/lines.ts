// Text that comes in blocks of any length, line by line.

import { UserError } from '../../errors.ts';

export interface Line {
  readonly text: string;
  /** Counted from 1. */
  readonly number: number;
}

/** Longest line, in characters: a line is one row, and a row must fit into memory. */
const longestLine = 1 << 28;

/** The lines of a text, without their ends; `where` starts the message of the `UserError` for one that is too long. */
export async function* linesOf(
  blocks: AsyncIterable<string>,
  where: string,
  longest = longestLine,
): AsyncGenerator<Line> {
  let rest = '';
  let number = 0;
  for await (const block of blocks) {
    const lines = (rest + block).split('\n');
    rest = lines.pop()!;
    for (const text of lines) yield { text, number: ++number };
    if (rest.length > longest) {
      throw new UserError(`${where}: line ${number + 1} has more than ${longest} characters; divide it into several`);
    }
  }
  if (rest !== '') yield { text: rest, number: ++number };
}
