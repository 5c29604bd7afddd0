// Attention over the cache in the absorbed form: the query of a head goes through the key up-projection into the space
// of the latents, attends to the cache itself, and what it found comes back through the value up-projection (F 1.4).
// Shape legend: N rows, H heads, P nope, R rope, V value, C latent, Q query latent (0: none), W = C+R, M positions that
// a sequence has room for, A numbers of a row of `compressed`: what queries are made from, then C+R.

import { sumOverLanes } from '../kernels/reduce.ts';
import type { Program } from '../program.ts';
import { sumsMemory, sumsOf, vectorFor } from './lanes.ts';
import { rowWords } from './rows.ts';

const lanes = 128;

/** Sizes of the attention of a model. */
export interface AttentionSizes {
  readonly H: number;
  readonly P: number;
  readonly R: number;
  readonly V: number;
  readonly C: number;
  readonly Q: number;
  /** Rotary pairs are neighbours, or the two halves. */
  readonly interleave: boolean;
  readonly scale: number;
  readonly latentEps: number;
}

/** Numbers of a row before its latent. */
export const queryWidth = ({ H, P, R, Q }: AttentionSizes): number => (Q > 0 ? Q : H * (P + R));

/** Places in one tensor begin at a multiple of this, as bindings do. */
export const padded = (length: number): number => Math.ceil(length / 64) * 64;

const nameOf = (name: string, { H, P, R, V, C, Q, interleave, scale, latentEps }: AttentionSizes) =>
  `Decode ${name} ${H} ${P} ${R} ${V} ${C} ${Q} ${interleave} ${scale} ${latentEps}`;

/** The rotated number `c` of those that the WGSL `number(c)` gives; angles are those of the row's position. */
function turned(R: number, interleave: boolean, number: (c: string) => string): string {
  const isFirst = interleave ? 'c % 2u == 0u' : `c < ${R / 2}u`;
  const step = interleave ? 1 : R / 2;
  return `${number('c')} * turns[angle + c] +
      select(${number(`(c - ${step}u)`)}, -${number(`(c + ${step}u)`)}, ${isFirst}) * turns[sines + angle + c]`;
}

/**
 * A workgroup for each head of each row makes its query in the space of the cache, scaled [N, H, W]; one more writes
 * the entry of the row into the cache. `gains` has the norms of queries and latents, `turns` cosines and sines.
 */
export function queries(sizes: AttentionSizes): Program {
  const { H, P, R, V, C, Q, interleave, scale, latentEps } = sizes;
  const [W, A] = [C + R, queryWidth(sizes) + C + R];
  const makeQuery =
    Q > 0
      ? `var squares = 0.0;
    for (var i = lane; i < ${Q}u; i += ${lanes}u) { squares += compressed[row * ${A}u + i] * compressed[row * ${A}u + i]; }
    let rstd = 1.0 / sqrt(sumOverLanes(squares, lane) / ${Q}.0 + ${latentEps});
    for (var i = lane; i < ${Q}u; i += ${lanes}u) { normed[i] = compressed[row * ${A}u + i] * rstd * gains[i]; }
    workgroupBarrier();
    ${sumsOf({
      lanes,
      count: `${P + R}u`,
      length: `${Q}u`,
      term: `normed[k] * queryUp[(head * ${P + R}u + j) * ${Q}u + k]`,
      take: 'query[j] = total;',
    })}`
      : `for (var i = lane; i < ${P + R}u; i += ${lanes}u) { query[i] = compressed[row * ${A}u + head * ${P + R}u + i]; }
    workgroupBarrier();`;
  return {
    name: nameOf('queries', sizes),
    tensors: {
      rows: 'u32',
      compressed: 'f32',
      gains: 'f32',
      ...(Q > 0 ? { queryUp: 'f32' as const } : {}),
      kvUp: 'f32',
      turns: 'f32',
      latentQueries: 'f32',
      cache: 'f32',
    },
    numbers: { M: 'u32', sines: 'u32' },
    workgroupSize: lanes,
    declarations: `${sumOverLanes(lanes)}
${sumsMemory(lanes)}
var<workgroup> normed: array<f32, ${Math.max(1, Q)}>;
var<workgroup> query: array<f32, ${P + R}>;`,
    code: `  let row = group / ${H + 1}u;
  let head = group % ${H + 1}u;
  let position = rows[row * ${rowWords}u + 1u];
  let angle = position * ${R}u;
  let sines = u.sines;
  if (head == ${H}u) {
    let start = row * ${A}u + ${queryWidth(sizes)}u;
    var squares = 0.0;
    for (var i = lane; i < ${C}u; i += ${lanes}u) { squares += compressed[start + i] * compressed[start + i]; }
    let rstd = 1.0 / sqrt(sumOverLanes(squares, lane) / ${C}.0 + ${latentEps});
    let to = (rows[row * ${rowWords}u + 2u] * u.M + position) * ${W}u;
    for (var i = lane; i < ${C}u; i += ${lanes}u) { cache[to + i] = compressed[start + i] * rstd * gains[${padded(Q)}u + i]; }
    for (var c = lane; c < ${R}u; c += ${lanes}u) {
      cache[to + ${C}u + c] = ${turned(R, interleave, (c) => `compressed[start + ${C}u + ${c}]`)};
    }
  } else {
    ${makeQuery}
    let to = (row * ${H}u + head) * ${W}u;
    for (var c = lane; c < ${C}u; c += ${lanes}u) {
      var sum = 0.0;
      for (var p = 0u; p < ${P}u; p++) { sum += query[p] * kvUp[(head * ${P + V}u + p) * ${C}u + c]; }
      latentQueries[to + c] = sum * ${scale};
    }
    for (var c = lane; c < ${R}u; c += ${lanes}u) {
      latentQueries[to + ${C}u + c] = (${turned(R, interleave, (c) => `query[${P}u + ${c}]`)}) * ${scale};
    }
  }`,
  };
}

/** A workgroup for each head of each row from `first` on: its values [N, H, V], from the entries of its sequence. */
export function attend(sizes: AttentionSizes): Program {
  const { H, P, R, V, C } = sizes;
  const vector = vectorFor(C, R);
  const width = (C + R) / vector.width;
  // Lanes of a channel: each takes some of the keys, and their sums are added in order.
  const parts = Math.max(1, Math.floor(lanes / C));
  const channels = Math.ceil(C / lanes);
  return {
    name: nameOf('attend', sizes),
    tensors: { rows: 'u32', latentQueries: vector.element, cache: vector.element, kvUp: 'f32', values: 'f32' },
    numbers: { M: 'u32', first: 'u32' },
    workgroupSize: lanes,
    declarations: `${vector.times}
${sumsMemory(lanes)}
var<workgroup> query: array<${vector.element}, ${width}>;
var<workgroup> scores: array<f32, ${lanes}>;
var<workgroup> found: array<f32, ${parts * C}>;
var<workgroup> last: u32;
fn latent(entry: u32, c: u32) -> f32 { return ${vector.width === 4 ? `cache[entry * ${width}u + c / 4u][c % 4u]` : `cache[entry * ${width}u + c]`}; }`,
    code: `  let row = u.first + group / ${H}u;
  let head = group % ${H}u;
  let begin = rows[row * ${rowWords}u + 2u] * u.M;
  for (var i = lane; i < ${width}u; i += ${lanes}u) { query[i] = latentQueries[(row * ${H}u + head) * ${width}u + i]; }
  if (lane == 0u) { last = rows[row * ${rowWords}u + 1u]; }
  let keys = workgroupUniformLoad(&last) + 1u;
  var largest = -3.0e38;
  var total = 0.0;
  var sums: array<f32, ${channels}>;
  for (var k0 = 0u; k0 < keys; k0 += ${lanes}u) {
    let count = min(${lanes}u, keys - k0);
    var score = -3.0e38;
    if (lane < count) {
      score = 0.0;
      for (var i = 0u; i < ${width}u; i++) { score += times(query[i], cache[(begin + k0 + lane) * ${width}u + i]); }
    }
    scores[lane] = score;
    workgroupBarrier();
    var most = largest;
    for (var k = 0u; k < count; k++) { most = max(most, scores[k]); }
    workgroupBarrier();
    scores[lane] = select(0.0, exp(score - most), lane < count);
    workgroupBarrier();
    let shrink = exp(largest - most);
    largest = most;
    total *= shrink;
    for (var k = 0u; k < count; k++) { total += scores[k]; }
    for (var channel = 0u; channel < ${channels}u; channel++) {
      let i = lane + channel * ${lanes}u;
      if (i < ${parts * C}u) {
        var sum = sums[channel] * shrink;
        for (var k = i / ${C}u; k < count; k += ${parts}u) { sum += scores[k] * latent(begin + k0 + k, i % ${C}u); }
        sums[channel] = sum;
      }
    }
    workgroupBarrier();
  }
  for (var channel = 0u; channel < ${channels}u; channel++) {
    let i = lane + channel * ${lanes}u;
    if (i < ${parts * C}u) { found[i] = sums[channel]; }
  }
  workgroupBarrier();
  for (var c = lane; c < ${C}u; c += ${lanes}u) {
    var sum = 0.0;
    for (var part = 0u; part < ${parts}u; part++) { sum += found[part * ${C}u + c]; }
    found[c] = sum / total;
  }
  workgroupBarrier();
  ${sumsOf({
    lanes,
    count: `${V}u`,
    length: `${C}u`,
    term: `found[k] * kvUp[(head * ${P + V}u + ${P}u + j) * ${C}u + k]`,
    take: `values[(row * ${H}u + head) * ${V}u + j] = total;`,
  })}`,
  };
}
