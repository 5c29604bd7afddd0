// The gradients of attention: a workgroup takes a tile of queries and goes along the keys, or the other way round.
// Shape legend: as in attention-tiles.ts.

import type { Program } from '../program.ts';
import {
  array,
  copyKeys,
  copyOutGradients,
  copyQueries,
  copyValues,
  dot,
  forSums,
  lanes,
  nameOf,
  numbers,
  place,
  type Shape,
  sees,
  sums,
  type Tile,
  tensorsOf,
} from './attention-tiles.ts';

/** For each query: its largest score, 1 / the sum of its exponentials, and its output times the gradient of that. */
export const differentials = (V: number): Program => ({
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

export function queryGradient(shape: Shape, tile: Tile): Program {
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

export function keyGradient(shape: Shape, tile: Tile): Program {
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
export const addHeads: Program = {
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
