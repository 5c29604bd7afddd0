// Rounding to 8 bits, and products whose operands are rounded first.
// Shape legend: M rows sorted by expert, E experts, I and O input and output width.

import { fakeQuantizeOp } from '../../ops/fake-quantize.ts';
import { quantizedMatMulOp } from '../../ops/quantized-matmul.ts';
import { formatOf, type Quantizer } from '../../precision/quantize.ts';
import { transposed } from '../../precision/recipe.ts';
import { type Address, nowhere } from '../address.ts';
import type { EngineBackend } from '../backend.ts';
import { withGroups } from './grouped-matmul.ts';
import { share } from './move-share.ts';
import { registerEngineOp, withWorkspace } from './register.ts';

/** Rows of each matrix, and their width. */
interface Matrices {
  readonly counts: readonly number[];
  readonly columns: number;
}

/** First rows of bands of at most `size` rows that lie within one matrix, and the end of the last. */
function bandStarts(counts: readonly number[], size: number): number[] {
  const starts: number[] = [];
  let first = 0;
  for (const rows of counts) {
    for (let row = 0; row < rows; row += size) starts.push(first + row);
    first += rows;
  }
  return [...starts, first];
}

/** Rounds the matrices at address `x` into `y`; they may be the same. */
function quantize(backend: EngineBackend, quantizer: Quantizer, x: Address, y: Address, matrices: Matrices): void {
  const { counts, columns } = matrices;
  const { mantissaBits, minExponent, max } = formatOf(quantizer);
  const round = (starts: Address, bands: number) => {
    const tileColumns = Math.min(quantizer.columns, columns);
    const format = [mantissaBits, minExponent, max, quantizer.powerOfTwoScales === true] as const;
    backend.exports.fakeQuantize(x, y, starts, bands, columns, tileColumns, ...format);
  };
  if (quantizer.rows === 1) {
    round(
      nowhere,
      counts.reduce((a, b) => a + b, 0),
    );
    return;
  }
  const starts = bandStarts(counts, quantizer.rows);
  withWorkspace(backend, [starts.length], (table) => {
    backend.words(table, starts.length).set(starts);
    round(table, starts.length - 1);
  });
}

/** Registers rounding, and products of rounded operands with their gradient. */
export function registerQuantize(): void {
  registerEngineOp(fakeQuantizeOp, {
    forward: (backend, { x }, { attrs, sizes: { M, C } }) => {
      const y = backend.output([M, C]);
      const matrices = { counts: attrs.counts, columns: C };
      quantize(backend, attrs, backend.address(x), backend.address(y), matrices);
      return { y };
    },
  });
  registerEngineOp(quantizedMatMulOp, {
    forward: (backend, { x, weight }, { attrs, sizes: { M, E, O, I } }) => {
      const { counts, activations, weights, cached } = attrs;
      const [y, x8, weight8] = [backend.output([M, O]), backend.output([M, I]), backend.output([E, O, I])];
      const at = backend.address;
      quantize(backend, activations, at(x), at(x8), { counts, columns: I });
      quantize(backend, weights, at(weight), at(weight8), { counts: Array<number>(E).fill(O), columns: I });
      withGroups(backend, M, counts, (groups) => {
        backend.exports.groupedMatMul(at(x8), at(weight8), at(y), groups, E, I, O, true);
      });
      if (cached === undefined) return { y, x8, weight8 };
      if (cached !== 'given') {
        quantize(backend, cached, at(x), at(x8), { counts, columns: I });
        return { y, x8, weight8 };
      }
      backend.disposeData(x8.dataId);
      return { y, x8: share(backend, x, x.shape), weight8 };
    },
    gradient: (backend, _, { attrs: { counts, activations, gradients }, sizes: { M, E, O, I }, dys, saved }) => {
      const { x8, weight8 } = saved;
      const [dx, dWeight] = [backend.output([M, I]), backend.output([E, O, I])];
      const at = backend.address;
      withWorkspace(backend, [M * O, M * I, backend.exports.packedLength(M, O)], (dy8, turned, packed) => {
        withGroups(backend, M, counts, (groups) => {
          quantize(backend, gradients, at(dys.y), dy8, { counts, columns: O });
          backend.exports.groupedMatMul(dy8, at(weight8), at(dx), groups, E, O, I, false);
          quantize(backend, transposed(gradients), at(dys.y), dy8, { counts, columns: O });
          quantize(backend, transposed(activations), at(x8), turned, { counts, columns: I });
          backend.exports.groupedWeightGrad(dy8, turned, at(dWeight), groups, packed, M, E, O, I);
        });
      });
      return { x: dx, weight: dWeight };
    },
  });
}
