// The memory of a training step as a table.

import { type MemoryKind, memoryKinds, type StepMemory } from '../memory/kinds.ts';
import { outputWidth } from './output.ts';
import { formatBytes } from './terminal/format.ts';
import { formatHeadedTable } from './terminal/table.ts';

const labels: Readonly<Record<MemoryKind, string>> = {
  weights: 'Weights, biases, rotary tables',
  gradients: 'Gradients',
  moments: 'Moments of AdamW',
  average: 'Average of the weights',
  activations: 'Activations',
  packed: 'Work of kernels: packed operands',
  recording: 'Kept by the recording of the step',
  messages: 'Messages to other ranks',
};

/** A column for each of the ledgers, under its name; a row for each kind that is there. */
export function memoryTable(columns: Readonly<Record<string, StepMemory>>): string[] {
  const ledgers = Object.values(columns);
  const rows = memoryKinds
    .filter((kind) => ledgers.some(({ kinds }) => kinds[kind] > 0))
    .map((kind) => [labels[kind], ...ledgers.map(({ kinds }) => formatBytes(kinds[kind]))]);
  const total = ['At most at one time', ...ledgers.map(({ total }) => formatBytes(total))];
  const right = ledgers.map((_, i) => i + 1);
  const head = ['Kind, each at its own peak', ...Object.keys(columns)];
  return formatHeadedTable([head, ...rows, total], outputWidth(), right);
}
