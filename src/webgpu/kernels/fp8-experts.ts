// Routed experts of 8-bit operands. The rows of an expert share scales where a product sums over tokens: where these
// bands of rows lie is found on the GPU, as the rows are.
// Shape legend: as in experts-rows.ts; a band has up to R rows of one expert.

import { fp8ExpertsOp } from '../../ops/fp8-experts.ts';
import { transposed } from '../../precision/recipe.ts';
import type { tf } from '../../tensor/tf.ts';
import type { Program } from '../program.ts';
import { downProgram, gateUpProgram, rowTiles, tilesAcross } from './experts-products.ts';
import { activationGradient, combine, numbers, planProgram } from './experts-rows.ts';
import { withTensors } from './fp8-linear.ts';
import { groupedRowGradient, groupedWeightGradient } from './grouped-matmul.ts';
import { quantize, quantizeBands } from './quantize.ts';
import { groupsOf, registerGpuOp } from './register.ts';

/** A workgroup for each expert writes its bands behind those of the experts before it; the last one, empty ones. */
const bandsProgram: Program = {
  name: 'Fp8ExpertsBands',
  tensors: { plan: 'i32', bands: 'i32' },
  numbers: { E: 'u32', R: 'u32', most: 'u32' },
  workgroupSize: 64,
  code: `  var band = 0u;
  for (var e = 0u; e < group; e++) { band += (u32(plan[e + 1u]) - u32(plan[e]) + u.R - 1u) / u.R; }
  let first = u32(plan[group]); let end = u32(plan[group + 1u]);
  let own = (end - first + u.R - 1u) / u.R;
  for (var i = lane; i < own; i += 64u) {
    bands[2u * (band + i)] = i32(first + i * u.R);
    bands[2u * (band + i) + 1u] = i32(min(first + (i + 1u) * u.R, end));
  }
  if (group + 1u < u.E) { return; }
  for (var i = band + own + lane; i < u.most; i += 64u) { bands[2u * i] = 0; bands[2u * i + 1u] = 0; }`,
};

/** The rows of tokens, in the order of the plan. */
const gather: Program = {
  name: 'Fp8ExpertsGather',
  tensors: { tokens: 'f32', plan: 'i32', sorted: 'f32' },
  numbers,
  workgroupSize: 256,
  code: `  let i = group * 256u + lane;
  if (i >= u.M * u.D) { return; }
  let token = u32(plan[u.E + 1u + i / u.D]) / u.K;
  sorted[i] = tokens[token * u.D + i % u.D];`,
};

type Made = tf.TensorInfo;

/** Registers the experts and their gradient. */
export function registerFp8Experts(): void {
  registerGpuOp(fp8ExpertsOp, {
    forward: (backend, { x, topkIndices, topkWeights, gateUpProj, downProj }, { attrs, sizes: { N, K, E, D, F } }) => {
      const { activations, weights } = attrs;
      const M = N * K;
      const sizes = { N, K, M, E, D, F };
      const [y, gateUp] = [backend.output([N, D]), backend.output([M, 2 * F])];
      const plan = backend.output([E + 1 + 2 * M], 'int32');
      const [codedX, codedActive] = [backend.output([N * D], 'int32'), backend.output([M * F], 'int32')];
      withTensors(backend, [2 * E * F * D, E * D * F, M * F, M * D], (...made) => {
        const [gateUp8, down8, active, rowsOut] = made as [Made, Made, Made, Made];
        backend.run(planProgram, { chosen: topkIndices, plan }, { M, E }, E);
        quantize(backend, activations, { x, y: codedX }, { M: N, C: D, rows: N });
        quantize(backend, weights, { x: gateUpProj, y: gateUp8 }, { M: E * 2 * F, C: D, rows: 2 * F });
        const pairs = tilesAcross(4 * Math.ceil(F / 2));
        const gateUpTensors = { x: codedX, gates: topkWeights, weight: gateUp8, plan, gateUp, activated: active };
        backend.run(gateUpProgram, gateUpTensors, sizes, rowTiles(M, E) * pairs);
        quantize(backend, activations, { x: active, y: codedActive }, { M, C: F, rows: M });
        quantize(backend, weights, { x: downProj, y: down8 }, { M: E * D, C: F, rows: D });
        const downTensors = { activated: codedActive, weight: down8, plan, rowsOut };
        backend.run(downProgram, downTensors, sizes, rowTiles(M, E) * tilesAcross(D));
        backend.run(combine, { rowsOut, plan, y }, sizes, groupsOf(N * D, 256));
      });
      return { y, plan, gateUp, codedX, codedActive };
    },
    gradient: (backend, inputs, { attrs, sizes: { N, K, E, D, F }, dys: { y: dy }, saved }) => {
      const { topkWeights, gateUpProj, downProj } = inputs;
      const { plan, gateUp, codedX, codedActive } = saved;
      const { activations, weights, gradients } = attrs;
      const M = N * K;
      const sizes = { N, K, M, E, D, F };
      const [dx, dGates] = [backend.output([N, D]), backend.output([N, K])];
      const R = activations.columns;
      const bands = Math.floor(M / R) + E;
      const table = backend.output([2 * bands], 'int32');
      backend.run(bandsProgram, { plan, bands: table }, { E, R, most: bands }, E);
      /** Rounded along tokens, as the products for the weights need it. */
      const alongTokens = (quantizer: typeof gradients, x: { readonly dataId: object }, y: Made, C: number) =>
        quantizeBands(backend, transposed(quantizer), { x, y }, { table, bands, C });
      const lengths = [2 * E * F * D, E * D * F, M * D, M * D, M * D, 2 * M * F, 2 * M * F, M * F, M * D] as const;
      const weightGradients = withTensors(backend, lengths, (...made) => {
        const [gateUp8, down8, dOut, dOut8, dOutTurned, dGateUp, dGateUp8, activeTurned, xRows] = made as Made[] &
          [Made, Made, Made, Made, Made, Made, Made, Made, Made];
        quantize(backend, weights, { x: gateUpProj, y: gateUp8 }, { M: E * 2 * F, C: D, rows: 2 * F });
        quantize(backend, weights, { x: downProj, y: down8 }, { M: E * D, C: F, rows: D });
        backend.run(gather, { tokens: dy, plan, sorted: dOut }, sizes, groupsOf(M * D, 256));
        quantize(backend, gradients, { x: dOut, y: dOut8 }, { M, C: D, rows: M });
        const downSizes = { M, E, I: F, O: D };
        const dActivated = groupedRowGradient(backend, { dy: dOut8, weight: down8, starts: plan }, downSizes);
        alongTokens(gradients, dOut, dOutTurned, D);
        alongTokens(activations, codedActive, activeTurned, F);
        const dDown = groupedWeightGradient(backend, { dy: dOutTurned, x: activeTurned, starts: plan }, downSizes);
        backend.run(activationGradient, { gateUp, gates: topkWeights, plan, dActivated, dGateUp, dGates }, sizes, M);
        quantize(backend, gradients, { x: dGateUp, y: dGateUp8 }, { M, C: 2 * F, rows: M });
        const gateUpSizes = { M, E, I: D, O: 2 * F };
        const dRows = groupedRowGradient(backend, { dy: dGateUp8, weight: gateUp8, starts: plan }, gateUpSizes);
        backend.run(combine, { rowsOut: dRows, plan, y: dx }, sizes, groupsOf(N * D, 256));
        backend.run(gather, { tokens: codedX, plan, sorted: xRows }, sizes, groupsOf(M * D, 256));
        // What was rounded for the rows is read no more.
        alongTokens(gradients, dGateUp, dGateUp8, 2 * F);
        alongTokens(activations, xRows, dOutTurned, D);
        const dGateUpProj = groupedWeightGradient(backend, { dy: dGateUp8, x: dOutTurned, starts: plan }, gateUpSizes);
        for (const { dataId } of [dActivated, dRows, table]) backend.disposeData(dataId);
        return { gateUpProj: dGateUpProj, downProj: dDown };
      });
      return { x: dx, topkWeights: dGates, ...weightGradients };
    },
  });
}
