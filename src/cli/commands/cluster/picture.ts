// A timeline in the terminal: a line for each rank, as many cells for an operation as it takes time.

import type { TimedOperation, Timeline } from '../../../cluster/schedule/timeline.ts';
import { outputWidth } from '../../output.ts';
import { type Colors, colorsFor } from '../../terminal/colors.ts';

/** Cells of a picture: those of the terminal, and no more than people can see at once. */
export function pictureWidth(): number {
  return Math.min(160, outputWidth());
}

type Paint = (text: string) => string;

/** What stands in the cells of an operation: a letter, and the micro-batch where it fits. */
function textOf({ operation }: TimedOperation, cells: number): string {
  const [letter, name] =
    operation.kind === 'overlapped'
      ? ['X', `${operation.forward.microBatch}/${operation.backward.microBatch}`]
      : [letters[operation.kind], String(operation.microBatch)];
  const full = `${letter}${name}`;
  return full.length <= cells ? full.padEnd(cells, '-') : letter.padEnd(cells, '-').slice(0, cells);
}

const letters = { forward: 'F', backward: 'B', backwardInput: 'I', backwardWeight: 'W' } as const;

function paints({ blue, yellow, cyan, green, magenta }: Colors): Readonly<Record<string, Paint>> {
  return { forward: blue, backward: yellow, backwardInput: cyan, backwardWeight: green, overlapped: magenta };
}

/** The lines, and what the letters mean. A dot is a cell in which the rank waits. */
export function drawTimeline({ operations, makespan }: Timeline, width: number): string[] {
  const label = `rank ${operations.length - 1} `.length;
  const cells = Math.max(10, Math.floor(width) - label);
  const perUnit = makespan * 4 <= cells ? 4 : Math.max(1, Math.floor(cells / makespan));
  const scale = makespan * perUnit <= cells ? perUnit : cells / makespan;
  const at = (time: number) => Math.round(time * scale);
  const paint = paints(colorsFor(process.stdout));
  const lines = operations.map((list, rank) => {
    let [line, done] = ['', 0];
    for (const one of list) {
      const [start, end] = [at(one.start), at(one.end)];
      line += '.'.repeat(Math.max(0, start - done)) + paint[one.operation.kind]!(textOf(one, end - start));
      done = Math.max(done, end);
    }
    return `rank ${rank}`.padEnd(label) + line + '.'.repeat(Math.max(0, at(makespan) - done));
  });
  return [...lines, '', 'F forward, B backward (I for inputs, W for weights), X both side by side, . waiting'];
}
