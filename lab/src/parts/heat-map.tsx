// A heat map on a canvas: rows by columns, with marks between columns and a reading of the cell under the pointer.

import { useState } from 'preact/hooks';
import { cellUnder, type Draw, useCanvas } from './canvas.ts';
import { colourOf, paletteAt, type Scale } from './colour-scale.ts';

export interface HeatMapProps {
  /** Row by row [rows, columns]. */
  readonly values: Float32Array;
  readonly rows: number;
  readonly columns: number;
  readonly scale: Scale;
  /** What the map shows, and what there is to see in it now: read aloud in place of the picture. */
  readonly label: string;
  readonly rowLabels: readonly string[];
  /** What is written under the first and the last column. */
  readonly ends?: readonly [string, string];
  /** What is said of a cell. */
  readonly describe: (row: number, column: number, value: number) => string;
  /** Columns before which a line is drawn. */
  readonly marks?: readonly number[];
  /** A column that is framed. */
  readonly cursor?: number | null;
  readonly rowHeight?: number;
  readonly onPick?: (row: number, column: number) => void;
}

export function HeatMap(props: HeatMapProps) {
  const { rows, columns, values, label, rowLabels, ends, describe, rowHeight = 14, onPick } = props;
  const canvas = useCanvas((context, size) => draw(context, size, props));
  const [cell, setCell] = useState<{ readonly row: number; readonly column: number } | null>(null);
  const cellAt = (event: MouseEvent) => cellUnder(event, canvas.current!, rows, columns);
  const shown = cell !== null && cell.row < rows && cell.column < columns ? cell : null;
  const value = shown === null ? undefined : values[shown.row * columns + shown.column];
  return (
    <div class="heat-map">
      <ol
        class={rowLabels.length === rows ? 'heat-rows even' : 'heat-rows'}
        aria-hidden="true"
        style={{ height: `${rows * rowHeight}px` }}
      >
        {rowLabels.map((text) => (
          <li key={text}>{text}</li>
        ))}
      </ol>
      <canvas
        ref={canvas}
        role="img"
        aria-label={label}
        style={{ height: `${rows * rowHeight}px` }}
        onPointerMove={(event) => setCell(cellAt(event))}
        onPointerLeave={() => setCell(null)}
        onClick={(event) => {
          const { row, column } = cellAt(event);
          onPick?.(row, column);
        }}
      />
      <p class="heat-reading" aria-hidden="true">
        {shown !== null && value !== undefined ? (
          <span>{describe(shown.row, shown.column, value)}</span>
        ) : (
          ends !== undefined && (
            <>
              <span>{ends[0]}</span>
              <span>{ends[1]}</span>
            </>
          )
        )}
      </p>
    </div>
  );
}

function draw(
  context: CanvasRenderingContext2D,
  { width, height, ratio }: Parameters<Draw>[1],
  { values, rows, columns, scale, marks = [], cursor = null }: HeatMapProps,
): void {
  if (rows === 0 || columns === 0) return;
  const palette = paletteAt(context.canvas);
  const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-9);
  const x = (column: number) => Math.round((column / columns) * width);
  const y = (row: number) => Math.round((row / rows) * height);
  const gap = width / columns > 6 * ratio ? ratio : 0;
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const [r, g, b] = colourOf(values[row * columns + column]!, scale, largest, palette);
      context.fillStyle = `rgb(${Math.round(r)} ${Math.round(g)} ${Math.round(b)})`;
      context.fillRect(x(column), y(row), x(column + 1) - x(column) - gap, y(row + 1) - y(row) - ratio);
    }
  }
  context.fillStyle = palette.text;
  for (const mark of marks) context.fillRect(x(mark) - ratio, 0, ratio, height);
  if (cursor === null) return;
  context.strokeStyle = palette.text;
  context.lineWidth = 1.5 * ratio;
  context.strokeRect(x(cursor), 0, Math.max(2 * ratio, x(cursor + 1) - x(cursor)), height);
}
