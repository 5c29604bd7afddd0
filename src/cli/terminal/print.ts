// How what the program says reaches a stream: wrapped at words for a terminal, as it is for a file or a pipe.

import { wrapProse } from './text.ts';

/** A text for people; or a command for them to paste, which has its line to itself and is never broken. */
export type Line = string | { readonly command: string };

/** What printing needs of a stream; `process.stdout` has it. */
export interface Output {
  write(text: string): boolean;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

/** Cells of a line: those of the terminal, 80 where it does not say; without a terminal as many as there are. */
export function columnsOf({ isTTY, columns }: Pick<Output, 'isTTY' | 'columns'>): number {
  return isTTY === true ? columns || 80 : Number.POSITIVE_INFINITY;
}

/** The lines as they are printed where a line has so many cells. */
export function layOut(lines: readonly Line[], width: number): string[] {
  return lines.flatMap((line) => (typeof line === 'string' ? wrapProse(line, width) : [`  ${line.command}`]));
}

/** Prints lines for people. */
export function print(stream: Output, lines: readonly Line[]): void {
  for (const line of layOut(lines, columnsOf(stream))) stream.write(`${line}\n`);
}
