// Dispatch, experts and combine, without a look at the indices from JavaScript and without atomic operations.
// Shape legend: N tokens, K experts per token, M = N*K rows, E experts, D hidden size, F expert hidden size.

import { routedExpertsOp } from '../../ops/routed-experts.ts';
import { downGradient, downProgram, gateUpGradient, gateUpProgram, rowTiles, tilesAcross } from './experts-products.ts';
import { activationGradient, combine, planProgram } from './experts-rows.ts';
import { groupsOf, registerGpuOp } from './register.ts';

/** Registers the experts and their gradient. */
export function registerRoutedExperts(): void {
  registerGpuOp(routedExpertsOp, {
    forward: (backend, { x, topkIndices, topkWeights, gateUpProj, downProj }, { sizes: { N, K, E, D, F } }) => {
      const M = N * K;
      const sizes = { N, K, M, E, D, F };
      const y = backend.output([N, D]);
      const plan = backend.output([E + 1 + 2 * M], 'int32');
      const [gateUp, active] = [backend.output([M, 2 * F]), backend.output([M, F])];
      backend.run(planProgram, { chosen: topkIndices, plan }, { M, E }, E);
      const gateUpTensors = { x, gates: topkWeights, weight: gateUpProj, plan, gateUp, activated: active };
      const pairs = tilesAcross(4 * Math.ceil(F / 2));
      backend.run(gateUpProgram, gateUpTensors, sizes, rowTiles(M, E) * pairs);
      const rowsOut = backend.output([M, D]);
      const downTensors = { activated: active, weight: downProj, plan, rowsOut };
      backend.run(downProgram, downTensors, sizes, rowTiles(M, E) * tilesAcross(D));
      backend.run(combine, { rowsOut, plan, y }, sizes, groupsOf(N * D, 256));
      backend.disposeData(rowsOut.dataId);
      return { y, plan, gateUp, active };
    },
    gradient: (backend, inputs, { sizes: { N, K, E, D, F }, dys: { y: dy }, saved: { plan, gateUp, ...made } }) => {
      const active = made.active!; // the forward pass above always keeps it
      const { x, topkWeights, gateUpProj, downProj } = inputs;
      const M = N * K;
      const sizes = { N, K, M, E, D, F };
      const [dx, dGates] = [backend.output([N, D]), backend.output([N, K])];
      const [dGateUpProj, dDownProj] = [backend.output([E, 2 * F, D]), backend.output([E, D, F])];
      const [dActivated, dGateUp] = [backend.output([M, F]), backend.output([M, 2 * F])];
      const dRows = backend.output([M, D]);
      const downTiles = E * tilesAcross(D) * tilesAcross(F);
      backend.run(
        downGradient,
        { dy, weight: downProj, plan, activated: active, dActivated, dWeight: dDownProj },
        { ...sizes, firstTiles: downTiles },
        downTiles + rowTiles(M, E) * tilesAcross(F),
      );
      backend.run(activationGradient, { gateUp, gates: topkWeights, plan, dActivated, dGateUp, dGates }, sizes, M);
      const gateUpTiles = E * tilesAcross(2 * F) * tilesAcross(D);
      backend.run(
        gateUpGradient,
        { x, weight: gateUpProj, plan, dGateUp, dRows, dWeight: dGateUpProj },
        { ...sizes, firstTiles: gateUpTiles },
        gateUpTiles + rowTiles(M, E) * tilesAcross(D),
      );
      backend.run(combine, { rowsOut: dRows, plan, y: dx }, sizes, groupsOf(N * D, 256));
      for (const { dataId } of [dActivated, dGateUp, dRows]) backend.disposeData(dataId);
      return { x: dx, topkWeights: dGates, gateUpProj: dGateUpProj, downProj: dDownProj };
    },
  });
}
