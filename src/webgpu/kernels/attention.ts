// Causal attention without a T x T matrix: a workgroup takes a tile of queries and goes along the keys.
// Shape legend: B batch, T tokens, H heads, P channels without position, R rotary channels, V value channels.

import { mlaAttentionOp } from '../../ops/mla-attention.ts';
import type { Program } from '../program.ts';
import { addHeads, differentials, keyGradient, queryGradient } from './attention-gradient.ts';
import {
  array,
  copyKeys,
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
  tileWithin,
  wordsOf,
} from './attention-tiles.ts';
import { groupsOf, registerGpuOp } from './register.ts';

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
