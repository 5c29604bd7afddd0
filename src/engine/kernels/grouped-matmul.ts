// Rows sorted by expert, times the matrix of each.
// Shape legend: M rows, E experts, I and O input and output width.

import { groupedMatMulOp } from '../../ops/grouped-matmul.ts';
import type { Address } from '../address.ts';
import type { EngineBackend } from '../backend.ts';
import { registerEngineOp, withWorkspace } from './register.ts';

/** Calls `use` with the address of a description of the groups. */
export function withGroups(
  backend: EngineBackend,
  rows: number,
  counts: readonly number[],
  use: (groups: Address) => void,
): void {
  const E = counts.length;
  const total = counts.reduce((a, b) => a + b, 0);
  if (total !== rows || counts.some((count) => !(count >= 0))) {
    throw new Error(`groupedMatMul: counts of ${rows} rows expected, found [${counts}]`);
  }
  withWorkspace(backend, [E, backend.exports.groupsLength(rows, E)], (at, groups) => {
    backend.words(at, E).set(counts);
    backend.exports.groupByCounts(at, groups, E);
    use(groups);
  });
}

/** Registers the product and its gradient. */
export function registerGroupedMatMul(): void {
  registerEngineOp(groupedMatMulOp, {
    forward: (backend, { x, weight }, { attrs: { counts }, sizes: { M, E, O, I } }) => {
      const y = backend.output([M, O]);
      const at = backend.address;
      withGroups(backend, M, counts, (groups) => {
        backend.exports.groupedMatMul(at(x), at(weight), at(y), groups, E, I, O, true);
      });
      return { y };
    },
    gradient: (backend, { x, weight }, { attrs: { counts }, sizes: { M, E, O, I }, dys: { y: dy } }) => {
      const [dx, dWeight] = [backend.output([M, I]), backend.output([E, O, I])];
      const at = backend.address;
      withGroups(backend, M, counts, (groups) => {
        backend.exports.groupedMatMul(at(dy), at(weight), at(dx), groups, E, O, I, false);
        withWorkspace(backend, [backend.exports.packedLength(M, O)], (packed) => {
          backend.exports.groupedWeightGrad(at(dy), at(x), at(dWeight), groups, packed, M, E, O, I);
        });
      });
      return { x: dx, weight: dWeight };
    },
  });
}
