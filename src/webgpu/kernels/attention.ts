// Causal attention without a T x T matrix: a workgroup takes a tile of queries and goes along the keys, or the other
// way round for the gradients of keys and values.
// Shape legend: B batch, T tokens, H heads, P channels without position, R rotary channels, V value channels.

import { mlaAttentionOp } from '../../ops/mla-attention.ts';
import type { WebGpuBackend } from '../backend.ts';
import type { Program } from '../program.ts';
import { groupsOf, registerGpuOp } from './register.ts';

const lanes = 128;
const numbers = { B: 'u32', T: 'u32', H: 'u32', scale: 'f32' } as const;

/** Channels of a head, and whether tokens have documents: constants of a program. */
interface Shape {
  readonly P: number;
  readonly R: number;
  readonly V: number;
  readonly hasDocuments: boolean;
}

/** Queries and keys of a tile. */
interface Tile {
  readonly queries: number;
  readonly keys: number;
}

/** The largest tile whose `words` fit into the memory of a workgroup, and of which a large GPU gets enough. */
function tileWithin(backend: WebGpuBackend, heads: number, T: number, words: (tile: Tile) => number): Tile {
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
const wordsOf = {
  forward: ({ P, R, V }: Shape) => ({ queries, keys }: Tile) =>
    (queries + keys) * (P + R + 1) + keys * (V + 1) + queries * keys + 3 * queries,
  ofQueries: ({ P, R, V }: Shape) => ({ queries, keys }: Tile) =>
    (queries + keys) * (P + R + V + 2) + queries * keys + 3 * queries,
  ofKeys: ({ P, R, V }: Shape) => ({ queries, keys }: Tile) =>
    (queries + keys) * (P + R + V + 2) + 2 * queries * keys + 3 * queries,
};

/** Which tile of which head a workgroup has: `b`, `h`, and the first row of its tile. */
const place = (first: string, rows: number) => `  let tiles = (u.T + ${rows - 1}u) / ${rows}u;
  let ${first} = (group % tiles) * ${rows}u;
  let h = (group / tiles) % u.H;
  let b = group / (tiles * u.H);`;

/** Copies a tile of `rows` tokens from `first` on; `value` is WGSL for channel `c` of `token`. */
const copy = (to: string, rows: number, first: string, width: number, value: string) => `
  for (var i = lane; i < ${rows * width}u; i += ${lanes}u) {
    let r = i / ${width}u; let c = i % ${width}u;
    let token = b * u.T + ${first} + r;
    var value = 0.0;
    if (${first} + r < u.T) { ${value} }
    ${to}[r * ${width + 1}u + c] = value;
  }`;

const copyQueries = ({ P, R }: Shape, { queries }: Tile) =>
  copy('qTile', queries, 'q0', P + R, `value = q[(token * u.H + h) * ${P + R}u + c];`);
const copyKeys = ({ P, R, V }: Shape, { keys }: Tile) =>
  copy(
    'kTile',
    keys,
    'k0',
    P + R,
    `if (c < ${P}u) { value = kv[(token * u.H + h) * ${P + V}u + c]; } else { value = kRope[token * ${R}u + c - ${P}u]; }`,
  );
const copyValues = ({ P, V }: Shape, { keys }: Tile) =>
  copy('vTile', keys, 'k0', V, `value = kv[(token * u.H + h) * ${P + V}u + ${P}u + c];`);
const copyOutGradients = ({ V }: Shape, { queries }: Tile) =>
  copy('dTile', queries, 'q0', V, `value = dOut[(token * u.H + h) * ${V}u + c];`);

/** Whether query `qi` of the tile sees key `ki`. */
const sees = ({ hasDocuments }: Shape) =>
  `q0 + qi < u.T && k0 + ki <= q0 + qi${hasDocuments ? ' && documents[b * u.T + q0 + qi] == documents[b * u.T + k0 + ki]' : ''}`;

const dot = (name: string, a: string, aRow: string, b: string, bRow: string, width: number) =>
  `var ${name} = 0.0; for (var c = 0u; c < ${width}u; c++) { ${name} += ${a}[${aRow} * ${width + 1}u + c] * ${b}[${bRow} * ${width + 1}u + c]; }`;

const array = (name: string, words: number) => `var<workgroup> ${name}: array<f32, ${words}>;`;
const tensorsOf = ({ hasDocuments }: Shape) => (hasDocuments ? { documents: 'i32' as const } : {});
const nameOf = (name: string, shape: Shape, tile: Tile) =>
  `${name} ${shape.P} ${shape.R} ${shape.V} ${shape.hasDocuments} ${tile.queries} ${tile.keys}`;

/** An invocation keeps every `lanes`-th element of a tile of results: element `j` of `sums` is `(row, c)`. */
const sums = (name: string, rows: number, width: number) =>
  `var ${name}: array<f32, ${Math.ceil((rows * width) / lanes)}>;`;
const forSums = (rows: number, width: number, body: string) => `
  for (var j = 0u; j < ${Math.ceil((rows * width) / lanes)}u; j++) {
    let i = lane + j * ${lanes}u;
    if (i < ${rows * width}u) { let r = i / ${width}u; let c = i % ${width}u; ${body} }
  }`;

function forwardProgram(shape: Shape, tile: Tile): Program {
  const { P, R, V } = shape;
  const { queries, keys } = tile;
  return {
    name: nameOf('MlaAttention', shape, tile),
    tensors: { q: 'f32', kv: 'f32', kRope: 'f32', out: 'f32', stats: 'f32', ...tensorsOf(shape) },
    numbers,
    workgroupSize: lanes,
    declarations: [
      array('qTile', queries * (P + R + 1)),
      array('kTile', keys * (P + R + 1)),
      array('vTile', keys * (V + 1)),
      array('scores', queries * keys),
      array('largest', queries),
      array('total', queries),
      array('shrink', queries),
    ].join('\n'),
    code: `${place('q0', queries)}
  if (lane < ${queries}u) { largest[lane] = -3.0e38; total[lane] = 0.0; }
  ${sums('sum', queries, V)}
  {${copyQueries(shape, tile)}}
  for (var k0 = 0u; k0 < min(u.T, q0 + ${queries}u); k0 += ${keys}u) {
    workgroupBarrier();
    {${copyKeys(shape, tile)}}
    {${copyValues(shape, tile)}}
    workgroupBarrier();
    for (var i = lane; i < ${queries * keys}u; i += ${lanes}u) {
      let qi = i / ${keys}u; let ki = i % ${keys}u;
      ${dot('score', 'qTile', 'qi', 'kTile', 'ki', P + R)}
      scores[i] = select(-3.0e38, score * u.scale, ${sees(shape)});
    }
    workgroupBarrier();
    if (lane < ${queries}u) {
      let before = largest[lane];
      var most = before;
      for (var k = 0u; k < ${keys}u; k++) { most = max(most, scores[lane * ${keys}u + k]); }
      var added = 0.0;
      for (var k = 0u; k < ${keys}u; k++) {
        let score = scores[lane * ${keys}u + k];
        let e = select(0.0, exp(score - most), score > -2.0e38);
        scores[lane * ${keys}u + k] = e;
        added += e;
      }
      let factor = exp(before - most);
      shrink[lane] = factor;
      total[lane] = total[lane] * factor + added;
      largest[lane] = most;
    }
    workgroupBarrier();
    {${forSums(
      queries,
      V,
      `var more = sum[j] * shrink[r];
      for (var k = 0u; k < ${keys}u; k++) { more += scores[r * ${keys}u + k] * vTile[k * ${V + 1}u + c]; }
      sum[j] = more;`,
    )}}
  }
  {${forSums(queries, V, `if (q0 + r < u.T) { out[((b * u.T + q0 + r) * u.H + h) * ${V}u + c] = sum[j] / total[r]; }`)}}
  if (lane < ${queries}u && q0 + lane < u.T) {
    let at = ((b * u.H + h) * u.T + q0 + lane) * 2u;
    stats[at] = largest[lane];
    stats[at + 1u] = 1.0 / total[lane];
  }`,
  };
}

/** For each query: its largest score, 1 / the sum of its exponentials, and the product of its output and its gradient. */
const differentials = (V: number): Program => ({
  name: `MlaAttentionGrad products ${V}`,
  tensors: { out: 'f32', dOut: 'f32', stats: 'f32', all: 'f32' },
  numbers,
  workgroupSize: 64,
  code: `  let i = group * 64u + lane;
  if (i >= u.B * u.T * u.H) { return; }
  let h = i % u.H; let t = (i / u.H) % u.T; let b = i / (u.H * u.T);
  var product = 0.0;
  for (var c = 0u; c < ${V}u; c++) { product += out[i * ${V}u + c] * dOut[i * ${V}u + c]; }
  let to = (b * u.H + h) * u.T + t;
  all[to * 3u] = stats[to * 2u];
  all[to * 3u + 1u] = stats[to * 2u + 1u];
  all[to * 3u + 2u] = product;`,
});

/** Brings what `differentials` made of the queries of a tile. */
const copyRows = ({ queries }: Tile) => `
  for (var i = lane; i < ${3 * queries}u; i += ${lanes}u) {
    if (q0 + i / 3u < u.T) { rows[i] = all[((b * u.H + h) * u.T + q0) * 3u + i]; }
  }`;

/** The probability of a pair and the gradient of its score, or zeros. */
const pair = (shape: Shape) => `
      ${dot('score', 'qTile', 'qi', 'kTile', 'ki', shape.P + shape.R)}
      ${dot('slope', 'dTile', 'qi', 'vTile', 'ki', shape.V)}
      let isSeen = ${sees(shape)};
      let p = select(0.0, exp(score * u.scale - rows[qi * 3u]) * rows[qi * 3u + 1u], isSeen);
      let ds = select(0.0, p * (slope - rows[qi * 3u + 2u]) * u.scale, isSeen);`;

const gradientArrays = ({ P, R, V }: Shape, { queries, keys }: Tile) => [
  array('qTile', queries * (P + R + 1)),
  array('dTile', queries * (V + 1)),
  array('kTile', keys * (P + R + 1)),
  array('vTile', keys * (V + 1)),
  array('rows', 3 * queries),
  array('slopes', queries * keys),
];

function queryGradient(shape: Shape, tile: Tile): Program {
  const { P, R } = shape;
  const { queries, keys } = tile;
  return {
    name: nameOf('MlaAttentionGrad of queries', shape, tile),
    tensors: { q: 'f32', kv: 'f32', kRope: 'f32', all: 'f32', dOut: 'f32', dq: 'f32', ...tensorsOf(shape) },
    numbers,
    workgroupSize: lanes,
    declarations: gradientArrays(shape, tile).join('\n'),
    code: `${place('q0', queries)}
  ${sums('sum', queries, P + R)}
  {${copyQueries(shape, tile)}}
  {${copyOutGradients(shape, tile)}}
  {${copyRows(tile)}}
  for (var k0 = 0u; k0 < min(u.T, q0 + ${queries}u); k0 += ${keys}u) {
    workgroupBarrier();
    {${copyKeys(shape, tile)}}
    {${copyValues(shape, tile)}}
    workgroupBarrier();
    for (var i = lane; i < ${queries * keys}u; i += ${lanes}u) {
      let qi = i / ${keys}u; let ki = i % ${keys}u;${pair(shape)}
      slopes[i] = ds;
    }
    workgroupBarrier();
    {${forSums(
      queries,
      P + R,
      `var more = sum[j];
      for (var k = 0u; k < ${keys}u; k++) { more += slopes[r * ${keys}u + k] * kTile[k * ${P + R + 1}u + c]; }
      sum[j] = more;`,
    )}}
  }
  {${forSums(queries, P + R, `if (q0 + r < u.T) { dq[((b * u.T + q0 + r) * u.H + h) * ${P + R}u + c] = sum[j]; }`)}}`,
  };
}

function keyGradient(shape: Shape, tile: Tile): Program {
  const { P, R, V } = shape;
  const { queries, keys } = tile;
  return {
    name: nameOf('MlaAttentionGrad of keys', shape, tile),
    tensors: {
      q: 'f32',
      kv: 'f32',
      kRope: 'f32',
      all: 'f32',
      dOut: 'f32',
      dkv: 'f32',
      dRopeOfHead: 'f32',
      ...tensorsOf(shape),
    },
    numbers,
    workgroupSize: lanes,
    declarations: [...gradientArrays(shape, tile), array('shares', queries * keys)].join('\n'),
    code: `${place('k0', keys)}
  ${sums('keySum', keys, P + R)}
  ${sums('valueSum', keys, V)}
  {${copyKeys(shape, tile)}}
  {${copyValues(shape, tile)}}
  for (var q0 = (k0 / ${queries}u) * ${queries}u; q0 < u.T; q0 += ${queries}u) {
    workgroupBarrier();
    {${copyQueries(shape, tile)}}
    {${copyOutGradients(shape, tile)}}
    {${copyRows(tile)}}
    workgroupBarrier();
    for (var i = lane; i < ${queries * keys}u; i += ${lanes}u) {
      let qi = i / ${keys}u; let ki = i % ${keys}u;${pair(shape)}
      slopes[i] = ds;
      shares[i] = p;
    }
    workgroupBarrier();
    {${forSums(
      keys,
      P + R,
      `var more = keySum[j];
      for (var k = 0u; k < ${queries}u; k++) { more += slopes[k * ${keys}u + r] * qTile[k * ${P + R + 1}u + c]; }
      keySum[j] = more;`,
    )}}
    {${forSums(
      keys,
      V,
      `var more = valueSum[j];
      for (var k = 0u; k < ${queries}u; k++) { more += shares[k * ${keys}u + r] * dTile[k * ${V + 1}u + c]; }
      valueSum[j] = more;`,
    )}}
  }
  {${forSums(
    keys,
    P + R,
    `let token = b * u.T + k0 + r;
    if (k0 + r < u.T) {
      if (c < ${P}u) { dkv[(token * u.H + h) * ${P + V}u + c] = keySum[j]; }
      else { dRopeOfHead[(token * u.H + h) * ${R}u + c - ${P}u] = keySum[j]; }
    }`,
  )}}
  {${forSums(
    keys,
    V,
    `if (k0 + r < u.T) { dkv[((b * u.T + k0 + r) * u.H + h) * ${P + V}u + ${P}u + c] = valueSum[j]; }`,
  )}}`,
  };
}

/** All heads share one rotary key, so its gradient is the sum of theirs. */
const addHeads: Program = {
  name: 'MlaAttentionGrad of rotary keys',
  tensors: { dRopeOfHead: 'f32', dRope: 'f32' },
  numbers: { size: 'u32', H: 'u32', R: 'u32' },
  workgroupSize: 64,
  code: `  let i = group * 64u + lane;
  if (i >= u.size) { return; }
  let token = i / u.R; let c = i % u.R;
  var sum = 0.0;
  for (var h = 0u; h < u.H; h++) { sum += dRopeOfHead[(token * u.H + h) * u.R + c]; }
  dRope[i] = sum;`,
};

/** Registers causal attention and its gradient. */
export function registerAttention(): void {
  registerGpuOp(mlaAttentionOp, {
    forward: (backend, { q, kv, kRope, documentIds }, { attrs: { scale }, sizes: { B, T, H, P, R, V } }) => {
      const [out, stats] = [backend.output([B, T, H * V]), backend.output([B, H, T, 2])];
      const shape = { P, R, V, hasDocuments: documentIds !== undefined };
      const documents = documentIds === undefined ? {} : { documents: documentIds };
      const tile = tileWithin(backend, B * H, T, wordsOf.forward(shape));
      const tensors = { q, kv, kRope, out, stats, ...documents };
      backend.run(forwardProgram(shape, tile), tensors, { B, T, H, scale }, B * H * groupsOf(T, tile.queries));
      return { out, stats };
    },
    gradient: (backend, { q, kv, kRope, documentIds }, { attrs: { scale }, sizes, dys, saved }) => {
      const { B, T, H, P, R, V } = sizes;
      const [dq, dkv, dkRope] = [backend.output(q.shape), backend.output(kv.shape), backend.output(kRope.shape)];
      const shape = { P, R, V, hasDocuments: documentIds !== undefined };
      const documents = documentIds === undefined ? {} : { documents: documentIds };
      const told = { B, T, H, scale };
      const [all, dRopeOfHead] = [backend.output([B, H, T, 3]), backend.output([B, T, H, R])];
      const products = { out: saved.out, dOut: dys.out, stats: saved.stats, all };
      backend.run(differentials(V), products, told, groupsOf(B * T * H, 64));
      const given = { q, kv, kRope, all, dOut: dys.out, ...documents };
      const byQueries = tileWithin(backend, B * H, T, wordsOf.ofQueries(shape));
      const queryGroups = B * H * groupsOf(T, byQueries.queries);
      backend.run(queryGradient(shape, byQueries), { ...given, dq }, told, queryGroups);
      const byKeys = tileWithin(backend, B * H, T, wordsOf.ofKeys(shape));
      const keyGroups = B * H * groupsOf(T, byKeys.keys);
      backend.run(keyGradient(shape, byKeys), { ...given, dkv, dRopeOfHead }, told, keyGroups);
      const size = B * T * R;
      backend.run(addHeads, { dRopeOfHead, dRope: dkRope }, { size, H, R }, groupsOf(size, 64));
      for (const { dataId } of [all, dRopeOfHead]) backend.disposeData(dataId);
      return { q: dq, kv: dkv, kRope: dkRope };
    },
  });
}
