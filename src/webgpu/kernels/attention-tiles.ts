// What the programs of attention have in common: WGSL that brings tiles of queries, keys and values into the memory of
// a workgroup, and tells which pairs see each other.
// Shape legend: B batch, T tokens, H heads, P channels without position, R rotary channels, V value channels.

import type { WebGpuBackend } from '../backend.ts';
import { groupsOf } from './register.ts';

export const lanes = 128;
export const numbers = { B: 'u32', T: 'u32', H: 'u32', scale: 'f32' } as const;

/** Channels of a head, and whether tokens have documents: constants of a program. */
export interface Shape {
  readonly P: number;
  readonly R: number;
  readonly V: number;
  readonly hasDocuments: boolean;
}

/** Queries and keys of a tile. */
export interface Tile {
  readonly queries: number;
  readonly keys: number;
}

/** The largest tile whose `words` fit into the memory of a workgroup, and of which a large GPU gets enough. */
export function tileWithin(backend: WebGpuBackend, heads: number, T: number, words: (tile: Tile) => number): Tile {
  const most = backend.commands.device.limits.maxComputeWorkgroupStorageSize / 4;
  const rows = heads * groupsOf(T, 32) < manyGroups ? 16 : 32;
  const tile = { queries: rows, keys: rows };
  while (words(tile) > most && tile.queries > 1) {
    if (tile.keys === tile.queries) tile.keys /= 2;
    else tile.queries /= 2;
  }
  return tile;
}

/** With so many workgroups a large GPU has enough to do. */
const manyGroups = 512;

/** One more than the width, so that neighbouring rows are in different banks. */
export const wordsOf = {
  forward:
    ({ P, R, V }: Shape) =>
    ({ queries, keys }: Tile) =>
      (queries + keys) * (P + R + 1) + keys * (V + 1) + queries * keys + 3 * queries,
  ofQueries:
    ({ P, R, V }: Shape) =>
    ({ queries, keys }: Tile) =>
      (queries + keys) * (P + R + V + 2) + queries * keys + 3 * queries,
  ofKeys:
    ({ P, R, V }: Shape) =>
    ({ queries, keys }: Tile) =>
      (queries + keys) * (P + R + V + 2) + 2 * queries * keys + 3 * queries,
};

/** Which tile of which head a workgroup has: `b`, `h`, and the first row of its tile. */
export const place = (first: string, rows: number) => `  let tiles = (u.T + ${rows - 1}u) / ${rows}u;
  let ${first} = (group % tiles) * ${rows}u;
  let h = (group / tiles) % u.H;
  let b = group / (tiles * u.H);`;

/** Copies a tile of `rows` tokens from `first` on; `value` is WGSL for channel `c` of `token`. */
export const copy = (to: string, rows: number, first: string, width: number, value: string) => `
  for (var i = lane; i < ${rows * width}u; i += ${lanes}u) {
    let r = i / ${width}u; let c = i % ${width}u;
    let token = b * u.T + ${first} + r;
    var value = 0.0;
    if (${first} + r < u.T) { ${value} }
    ${to}[r * ${width + 1}u + c] = value;
  }`;

export const copyQueries = ({ P, R }: Shape, { queries }: Tile) =>
  copy('qTile', queries, 'q0', P + R, `value = q[(token * u.H + h) * ${P + R}u + c];`);
export const copyKeys = ({ P, R, V }: Shape, { keys }: Tile) =>
  copy(
    'kTile',
    keys,
    'k0',
    P + R,
    `if (c < ${P}u) { value = kv[(token * u.H + h) * ${P + V}u + c]; } else { value = kRope[token * ${R}u + c - ${P}u]; }`,
  );
export const copyValues = ({ P, V }: Shape, { keys }: Tile) =>
  copy('vTile', keys, 'k0', V, `value = kv[(token * u.H + h) * ${P + V}u + ${P}u + c];`);
export const copyOutGradients = ({ V }: Shape, { queries }: Tile) =>
  copy('dTile', queries, 'q0', V, `value = dOut[(token * u.H + h) * ${V}u + c];`);

/** Whether query `qi` of the tile sees key `ki`. */
export const sees = ({ hasDocuments }: Shape) =>
  `q0 + qi < u.T && k0 + ki <= q0 + qi${hasDocuments ? ' && documents[b * u.T + q0 + qi] == documents[b * u.T + k0 + ki]' : ''}`;

export const dot = (name: string, a: string, aRow: string, b: string, bRow: string, width: number) =>
  `var ${name} = 0.0; for (var c = 0u; c < ${width}u; c++) { ${name} += ${a}[${aRow} * ${width + 1}u + c] * ${b}[${bRow} * ${width + 1}u + c]; }`;

export const array = (name: string, words: number) => `var<workgroup> ${name}: array<f32, ${words}>;`;
export const tensorsOf = ({ hasDocuments }: Shape) => (hasDocuments ? { documents: 'i32' as const } : {});
export const nameOf = (name: string, shape: Shape, tile: Tile) =>
  `${name} ${shape.P} ${shape.R} ${shape.V} ${shape.hasDocuments} ${tile.queries} ${tile.keys}`;

/** An invocation keeps every `lanes`-th element of a tile of results: element `j` of `sums` is `(row, c)`. */
export const sums = (name: string, rows: number, width: number) =>
  `var ${name}: array<f32, ${Math.ceil((rows * width) / lanes)}>;`;
export const forSums = (rows: number, width: number, body: string) => `
  for (var j = 0u; j < ${Math.ceil((rows * width) / lanes)}u; j++) {
    let i = lane + j * ${lanes}u;
    if (i < ${rows * width}u) { let r = i / ${width}u; let c = i % ${width}u; ${body} }
  }`;
