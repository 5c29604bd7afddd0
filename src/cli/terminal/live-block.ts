// A block of lines at the bottom of a terminal that is redrawn in place; everything else is printed above it.

import { displayWidth, truncate } from './cells.ts';
import type { Output } from './print.ts';

const clearDown = '\x1b[J';
const hideCursor = '\x1b[?25l';
const showCursor = '\x1b[?25h';

export interface LiveBlock {
  /** Replaces the block; lines wider than the terminal are cut, because it is redrawn by counting lines. */
  draw(lines: readonly string[]): void;
  /** Prints lines above the block, which stays. */
  above(lines: readonly string[]): void;
  /** Leaves the block as it was drawn last and gives the cursor back. */
  end(): void;
}

/** Cells a line may fill: one less than the terminal has, which may not know (0) how many those are. */
export function usableColumns(terminal: { readonly columns?: number }): number {
  return (terminal.columns || 80) - 1;
}

export function createLiveBlock(terminal: Output): LiveBlock {
  let drawn: readonly string[] = [];
  // A terminal that was made narrower has wrapped what was drawn before.
  const rowsOf = (line: string) => Math.max(1, Math.ceil(displayWidth(line) / (usableColumns(terminal) + 1)));
  const erase = () => {
    const rows = drawn.reduce((sum, line) => sum + rowsOf(line), 0);
    return rows === 0 ? hideCursor : `\x1b[${rows}A\r${clearDown}`;
  };
  const cut = (line: string) => truncate(line, usableColumns(terminal));
  const print = (lines: readonly string[]) => lines.map((line) => `${line}\n`).join('');
  return {
    draw: (lines) => {
      const erased = erase();
      drawn = lines.map(cut);
      terminal.write(erased + print(drawn));
    },
    above: (lines) => {
      terminal.write(erase() + print(lines) + print(drawn));
    },
    end: () => {
      terminal.write(showCursor);
      drawn = [];
    },
  };
}
