// Aligned columns, cut to the width of the terminal.

import { displayWidth, padEnd, truncate } from './text.ts';

const gap = '  ';

/** Rows with their columns aligned on the left, except those listed in `right`; rows may have fewer cells than others. */
export function formatTable(
  rows: readonly (readonly string[])[],
  width: number,
  right: readonly number[] = [],
): string[] {
  const columns = Math.max(0, ...rows.map((row) => row.length));
  const widths = Array.from({ length: columns }, (_, column) =>
    Math.max(...rows.map((row) => displayWidth(row[column] ?? ''))),
  );
  return rows.map((row) => {
    const cells = row.map((cell, column) => {
      const cellWidth = widths[column] ?? 0;
      return right.includes(column) ? ' '.repeat(cellWidth - displayWidth(cell)) + cell : padEnd(cell, cellWidth);
    });
    return truncate(cells.join(gap).trimEnd(), width);
  });
}
