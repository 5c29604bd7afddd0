// How often the experts of a layer were chosen, by text: of the run on show, or of an example where there is none.

import { domainLoads } from 'tinyseek/more';
import type { RunView } from '../run-view.ts';

/** The loads of a layer's experts, in any unit. */
export interface ExpertLoads {
  readonly text: string;
  readonly loads: readonly number[]; // [E]
}

/** Layer 2 of a `tiny` after 400 steps on three texts: choices of 2,048 tokens of each (docs/cluster.md). */
export const example: readonly ExpertLoads[] = [
  { text: 'moby-dick', loads: [563, 1014, 268, 843, 306, 474, 297, 396, 129, 193, 282, 72, 916, 550, 880, 1009] },
  { text: 'code', loads: [303, 329, 673, 290, 457, 439, 311, 581, 549, 349, 948, 575, 504, 845, 621, 418] },
  { text: 'math', loads: [448, 322, 481, 270, 677, 810, 991, 555, 608, 798, 514, 475, 223, 376, 240, 404] },
];

/** The layers with experts that the run has told of; none before its first step. */
export function layersOf(view: RunView): readonly number[] {
  return view.history.layers;
}

/** What is known of a layer of the run: its last steps, and each domain of the last evaluation. */
export function loadsOf(view: RunView, layer: number, experts: number): ExpertLoads[] {
  const { domains, loads } = domainLoads(view.domains.value, layer);
  const rows = domains.map((text, row) => ({ text, loads: [...loads.subarray(row * experts, (row + 1) * experts)] }));
  return [{ text: 'training, last steps', loads: [...view.history.loads(layer).slice(-experts)] }, ...rows];
}
