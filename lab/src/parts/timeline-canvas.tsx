// A timeline on a canvas: a row for each rank, a box for each operation, and a reading of the one under the pointer.

import type { Operation, Timeline } from 'tinyseek/more';
import { useState } from 'preact/hooks';
import { cellUnder, type Draw, useCanvas } from './canvas.ts';

/** What an operation is called, the letter in its box, its colour, and how strong that is. */
const kinds: Readonly<
  Record<Operation['kind'], readonly [name: string, letter: string, colour: string, alpha: number]>
> = {
  forward: ['forward', 'F', '--curve-1', 0.45],
  backward: ['backward', 'B', '--curve-2', 0.6],
  backwardInput: ['backward, for inputs', 'I', '--curve-2', 0.3],
  backwardWeight: ['backward, for weights', 'W', '--curve-3', 0.45],
  overlapped: ['both side by side', 'X', '--curve-4', 0.45],
};

const rowHeight = 18;

export interface TimelineCanvasProps {
  readonly name: string;
  readonly timeline: Timeline;
  /** The time that the whole width stands for. */
  readonly span: number;
  /** Read aloud in place of the picture. */
  readonly label: string;
}

export function TimelineCanvas({ name, timeline, span, label }: TimelineCanvasProps) {
  const { operations } = timeline;
  const canvas = useCanvas((context, size) => draw(context, size, timeline, span));
  const [reading, setReading] = useState('');
  const read = (event: MouseEvent) => {
    const pixels = 4096;
    const { row, column } = cellUnder(event, canvas.current!, operations.length, pixels);
    const time = (column / pixels) * span;
    const found = operations[row]?.find(({ start, end }) => start <= time && time < end);
    setReading(`rank ${row}: ${found === undefined ? 'waits' : nameOf(found.operation)}`);
  };
  return (
    <div class="timeline">
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls sideways on a phone, by keyboard as well */}
      <section class="scrolls" aria-label={`Timeline of ${name}`} tabIndex={0}>
        <canvas
          ref={canvas}
          role="img"
          aria-label={label}
          style={{ height: `${rowHeight * operations.length}px` }}
          onPointerMove={read}
          onPointerLeave={() => setReading('')}
        />
      </section>
      <p class="heat-reading" aria-hidden="true">
        {reading}
      </p>
    </div>
  );
}

export function PassKey() {
  return (
    <ul class="load-key pass-key" aria-label="Passes">
      {Object.values(kinds).map(([name, letter, colour, alpha]) => (
        <li key={name} style={{ '--swatch': `color-mix(in srgb, var(${colour}) ${100 * alpha}%, var(--raised))` }}>
          {letter}: {name}
        </li>
      ))}
    </ul>
  );
}

function nameOf(operation: Operation): string {
  const [name] = kinds[operation.kind];
  if (operation.kind !== 'overlapped') return `${name}, micro-batch ${operation.microBatch}`;
  return `forward of micro-batch ${operation.forward.microBatch} beside backward of ${operation.backward.microBatch}`;
}

function draw(
  context: CanvasRenderingContext2D,
  { width, height, ratio }: Parameters<Draw>[1],
  { operations }: Timeline,
  span: number,
): void {
  const style = getComputedStyle(context.canvas);
  const text = style.color;
  const x = (time: number) => Math.round((time / span) * width);
  const y = (row: number) => Math.round((row / operations.length) * height);
  context.font = `${10 * ratio}px ${style.fontFamily}`;
  context.textAlign = 'center';
  context.textBaseline = 'middle';
  context.fillStyle = style.getPropertyValue('--chart-grid');
  for (const row of operations.keys()) context.fillRect(0, y(row), width, y(row + 1) - y(row) - ratio);
  for (const [row, list] of operations.entries()) {
    for (const { operation, start, end } of list) {
      const [, letter, colour, alpha] = kinds[operation.kind];
      const [left, right, top] = [x(start), x(end), y(row)];
      const boxHeight = y(row + 1) - top - ratio;
      context.fillStyle = style.getPropertyValue('--raised');
      context.fillRect(left, top, right - left - ratio, boxHeight);
      context.globalAlpha = alpha;
      context.fillStyle = style.getPropertyValue(colour);
      context.fillRect(left, top, right - left - ratio, boxHeight);
      context.globalAlpha = 1;
      const short = operation.kind === 'overlapped' ? letter : String(operation.microBatch);
      const long = operation.kind === 'overlapped' ? pairText(operation) : `${letter}${short}`;
      const label = [long, short].find((one) => context.measureText(one).width + 2 * ratio < right - left);
      context.fillStyle = text;
      if (label !== undefined) context.fillText(label, (left + right) / 2, top + boxHeight / 2);
    }
  }
}

const pairText = ({ forward, backward }: Extract<Operation, { readonly kind: 'overlapped' }>) =>
  `${forward.microBatch}/${backward.microBatch}`;
