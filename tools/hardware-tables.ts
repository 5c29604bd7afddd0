// The tables of docs/hardware.md: each suggestion of section 3.5 of the report as an emulation.

import { h800 } from '../src/cluster/simulator/hardware.ts';
import { simulateStep } from '../src/cluster/simulator/simulate.ts';
import { modelPreset } from '../src/config/presets.ts';
import { table } from '../src/experiments/results-markdown.ts';
import type { Accumulator } from '../src/precision/accumulate.ts';
import { gemmError, normal, uniform } from '../src/precision/gemm-error.ts';
import { type Quantizer, quantizeDequantize } from '../src/precision/quantize.ts';
import { createRandom } from '../src/tensor/random.ts';

/** Products in a sum, and numbers that share a scale, in the report. */
const [depth, tile] = [4096, 128];
const share = (part: number) => `${(100 * part).toPrecision(2)} %`;

/** Wider sums in the matrix unit. */
export function accumulationTable(): string {
  const accumulators: readonly (readonly [string, Accumulator])[] = [
    ['14 bits, as measured on the H800', { bits: 14, promoteEvery: Infinity }],
    ['14 bits, promoted every 128 products, as the report does', { bits: 14, promoteEvery: tile }],
    ['17 bits', { bits: 17, promoteEvery: Infinity }],
    ['20 bits', { bits: 20, promoteEvery: Infinity }],
    ['float32', { bits: 24, promoteEvery: Infinity }],
  ];
  const rows = accumulators.map(([name, accumulator]) => [
    name,
    ...[uniform, normal].map((operands) => {
      return gemmError(depth, operands, accumulator, createRandom(0), 8).toExponential(1);
    }),
  ]);
  return table(['sums in', 'error, uniform numbers', 'error, normal numbers'], rows);
}

/** Numbers that leave the matrix unit for each number of the result, in float32. */
export function scalingTable(): string {
  const rows = [512, 2048, 7168, 18432].map((K) => [K, K / tile, 1, (4 * K) / tile, 4].map(String));
  return table(['products in a sum', 'sums moved today', 'scaled inside', 'bytes today', 'bytes scaled inside'], rows);
}

/** An access of memory for each number, in bytes. */
type Access = readonly [what: string, bytes: number];

const flows: readonly (readonly [suggestion: string, today: readonly Access[], then: readonly Access[]])[] = [
  [
    'the cast is part of the load',
    [
      ['read BF16', 2],
      ['write FP8', 1],
      ['read FP8', 1],
    ],
    [['read BF16, cast on the way', 2]],
  ],
  [
    'transposed read',
    [
      ['read FP8', 1],
      ['write transposed FP8', 1],
      ['read it', 1],
    ],
    [['read FP8 transposed', 1]],
  ],
];

/** Bytes moved for each number. */
export function bytesTable(): string {
  const bytes = (accesses: readonly Access[]) => accesses.reduce((sum, [, count]) => sum + count, 0);
  const words = (accesses: readonly Access[]) => accesses.map(([what, count]) => `${what} (${count})`).join(', ');
  const rows = flows.map(([suggestion, today, then]) => [
    suggestion,
    `${words(today)}: ${bytes(today)}`,
    `${words(then)}: ${bytes(then)}`,
    share(1 - bytes(then) / bytes(today)),
  ]);
  return table(['suggestion', 'bytes a number today', 'then', 'saved'], rows);
}

/** What rounding again for the transposed product costs: 256 x 256 normal numbers, channels of very different size. */
export function transposeTable(): string {
  const size = 2 * tile;
  const random = createRandom(1);
  const x = Float32Array.from({ length: size ** 2 }, (_, i) => normal.draw(random) * 2 ** (((i % size) % 16) - 8));
  const rows: Quantizer = { format: 'e4m3', rows: 1, columns: tile };
  const columns: Quantizer = { format: 'e4m3', rows: tile, columns: 1 };
  const once = quantizeDequantize(x, size, rows);
  const twice = quantizeDequantize(once, size, columns);
  const error = (rounded: Float32Array) =>
    Math.sqrt(rounded.reduce((sum, value, i) => sum + (value - x[i]!) ** 2, 0) / x.reduce((sum, v) => sum + v * v, 0));
  return table(
    ['what the product for the weights reads', 'error'],
    [
      ['the stored tiles, transposed', share(error(once))],
      ['the stored tiles, rounded again in columns', share(error(twice))],
    ],
  );
}

/** A step of the report where processors communicate, and where something else does. */
export function communicationTable(): string {
  const step = (hardware = h800, plain = false) =>
    simulateStep({
      ...{ model: modelPreset('deepseek-v3'), layout: { pp: 16, ep: 64, dp: 2 }, schedule: 'dualpipe', hardware },
      ...{ microBatches: 120, seqLen: 4096 },
      ...(plain ? ({ copies: 'expert', dispatch: 'bf16' } as const) : {}),
    });
  const none = { ...h800, communicationProcessors: 0, saturatingProcessors: 0 };
  const hours = (one: ReturnType<typeof step>) => `${(one.gpuHoursPerTrillionTokens / 1e3).toFixed(0)} K`;
  const rows = [
    ['20 of 132 processors communicate', h800],
    ['a co-processor does', none],
  ] as const;
  const cells = rows.map(([name, hardware]) => [name, hours(step(hardware)), hours(step(hardware, true))]);
  return table(['', 'GPU hours of a trillion tokens', 'without the savings in messages'], cells);
}
