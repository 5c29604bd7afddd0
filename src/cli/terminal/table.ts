// Tables. None of their cells is ever cut: where the terminal is too narrow, what does not fit is printed below.

import { displayWidth, padEnd } from './cells.ts';

type Rows = readonly (readonly string[])[];

const gap = '  ';

/** Rows with their columns aligned, those in `right` on the right; rows may have fewer cells than others. */
export function alignColumns(rows: Rows, right: readonly number[] = []): string[] {
  const columns = Math.max(0, ...rows.map((row) => row.length));
  const widths = Array.from({ length: columns }, (_, column) =>
    Math.max(...rows.map((row) => displayWidth(row[column] ?? ''))),
  );
  return rows.map((row) => {
    const cells = row.map((cell, column) => {
      const width = widths[column] ?? 0;
      return right.includes(column) ? ' '.repeat(width - displayWidth(cell)) + cell : padEnd(cell, width);
    });
    return cells.join(gap).trimEnd();
  });
}

const fits = (lines: readonly string[], width: number) => lines.every((line) => displayWidth(line) <= width);

/**
 * Tables below each other, of as many columns as fit; the first column stands in each, because it says what a row is.
 */
function split(rows: Rows, width: number, right: readonly number[]): string[] {
  const columns = Math.max(...rows.map((row) => row.length));
  const pick = (chosen: readonly number[]) =>
    alignColumns(
      rows.map((row) => chosen.map((column) => row[column] ?? '')),
      chosen.flatMap((column, at) => (right.includes(column) ? [at] : [])),
    );
  const groups: number[][] = [];
  for (let column = 1; column < columns; column++) {
    const last = groups.at(-1);
    if (last !== undefined && fits(pick([...last, column]), width)) last.push(column);
    else groups.push([0, column]);
  }
  return groups.flatMap((group, at) => (at === 0 ? pick(group) : ['', ...pick(group)]));
}

/** The label of each row, and its cells below that. */
function stack(rows: Rows): string[] {
  return rows.flatMap(([label = '', ...cells]) => {
    const indentation = /^ */.exec(label)?.[0] ?? '';
    return [label, indentation + gap + cells.filter((cell) => cell !== '').join(gap)];
  });
}

/** A table whose rows begin with a label: side by side if `width` cells are enough, else one below the other. */
export function formatTable(rows: Rows, width: number, right: readonly number[] = []): string[] {
  const aligned = alignColumns(rows, right);
  return fits(aligned, width) ? aligned : stack(rows);
}

/** A table whose first row names the columns: one of `width` cells, or several with some of the columns each. */
export function formatHeadedTable(rows: Rows, width: number, right: readonly number[] = []): string[] {
  const aligned = alignColumns(rows, right);
  return fits(aligned, width) ? aligned : split(rows, width, right);
}
