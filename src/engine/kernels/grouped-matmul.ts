// GroupedMatMul: rows sorted by expert, times the matrix of each.
// Shape legend: M rows, E experts, I and O input and output width.

import type { EngineBackend } from '../backend.ts';
import { registerEngineKernel, withWorkspace } from './register.ts';

/** Calls `use` with the address of a description of the groups. */
export function withGroups(
  backend: EngineBackend,
  rows: number,
  counts: readonly number[],
  use: (groups: number) => void,
): void {
  const E = counts.length;
  const total = counts.reduce((a, b) => a + b, 0);
  if (total !== rows || counts.some((count) => !(count >= 0))) {
    throw new Error(`groupedMatMul: counts of ${rows} rows expected, found [${counts}]`);
  }
  withWorkspace(backend, [E, backend.exports.groupsLength!(rows, E)], ([at, groups]) => {
    backend.words(at!, E).set(counts);
    backend.exports.groupByCounts!(at!, groups!, E);
    use(groups!);
  });
}

/** Registers GroupedMatMul and its gradient. */
export function registerGroupedMatMul(): void {
  registerEngineKernel('GroupedMatMul', (backend, { x, weight }, attrs) => {
    const [M, I] = x!.shape as [number, number];
    const [E, O] = weight!.shape as [number, number];
    const y = backend.output([M, O]);
    const at = backend.address;
    withGroups(backend, M, attrs.counts as number[], (groups) => {
      backend.exports.groupedMatMul!(at(x!), at(weight!), at(y), groups, E, I, O, 1);
    });
    return y;
  });
  registerEngineKernel('GroupedMatMulGrad', (backend, { x, weight, dy0 }, attrs) => {
    const [M, I] = x!.shape as [number, number];
    const [E, O] = weight!.shape as [number, number];
    const [dx, dWeight] = [backend.output(x!.shape), backend.output(weight!.shape)];
    const at = backend.address;
    withGroups(backend, M, attrs.counts as number[], (groups) => {
      backend.exports.groupedMatMul!(at(dy0!), at(weight!), at(dx), groups, E, O, I, 0);
      withWorkspace(backend, [backend.exports.packedLength!(M, O)], ([packed]) => {
        backend.exports.groupedWeightGrad!(at(dy0!), at(x!), at(dWeight), groups, packed!, M, E, O, I);
      });
    });
    return [dx, dWeight];
  });
}
