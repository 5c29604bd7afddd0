// Routed experts of 8-bit operands.
// Shape legend: N tokens, K experts a token, M = N*K rows, E experts, D hidden size, F expert hidden size.

import type { Operand, Operands, SizesOf } from '../../ops/define-op.ts';
import { fp8CachedExpertsOp } from '../../ops/fp8-cached-experts.ts';
import { fp8ExpertsOp } from '../../ops/fp8-experts.ts';
import type { Fp8Recipe } from '../../precision/recipe.ts';
import type { tf } from '../../tensor/tf.ts';
import { type Address, nowhere } from '../address.ts';
import type { EngineBackend } from '../backend.ts';
import { codesOf } from './codes.ts';
import { blockArguments, formatArguments } from './fp8-linear.ts';
import { registerEngineOp, withWorkspace } from './register.ts';

type Inputs = Operands<(typeof fp8ExpertsOp)['spec']['inputs']>;
type Sizes = SizesOf<(typeof fp8ExpertsOp)['spec']>;

/** Registers experts that keep what lies between their products as it is, and those that keep it in 8 bits. */
export function registerFp8Experts(): void {
  registerEngineOp(fp8ExpertsOp, {
    forward: (backend, inputs, { attrs, sizes }) => {
      const { N, K, F } = sizes;
      const gateUp = backend.output([N * K, 2 * F]);
      const codedActive = backend.output([backend.exports.codedLength(N * K, F, false)], 'int32');
      const between = { gateUp: backend.address(gateUp), codedActive: backend.address(codedActive) };
      return { ...forward(backend, inputs, sizes, attrs, between), gateUp, codedActive };
    },
    gradient: (backend, inputs, { attrs, sizes, dys, saved }) => {
      const at = backend.address;
      const { N, K, F } = sizes;
      return withWorkspace(backend, [N * K * F], (active) => {
        const between = { gateUp: at(saved.gateUp), codedActive: at(saved.codedActive), active };
        return gradient(backend, inputs, sizes, attrs, { ...saved, dy: dys.y }, between);
      });
    },
  });
  registerEngineOp(fp8CachedExpertsOp, {
    forward: (backend, inputs, { attrs, sizes }) => {
      const { N, K, F } = sizes;
      const rows = 2 * N * K; // those of gate and those of up, which share no tile
      return withWorkspace(backend, [rows * F], (gateUp) => {
        const made = forward(backend, inputs, sizes, attrs, { gateUp, codedActive: nowhere });
        const codedGateUp = backend.output([backend.exports.codedLength(rows, F, false)], 'int32');
        backend.exports.encodeRows(gateUp, backend.address(codedGateUp), rows, F, false);
        return { ...made, codedGateUp };
      });
    },
    gradient: (backend, inputs, { attrs, sizes, dys, saved }) => {
      const { N, K, E, D, F } = sizes;
      const at = backend.address;
      return withWorkspace(backend, [2 * N * K * F, N * K * F], (gateUp, active) => {
        backend.exports.decodeRows(at(saved.codedGateUp), gateUp, 2 * N * K, F, false);
        backend.exports.activateExperts(at(inputs.topkWeights), at(saved.plan), gateUp, active, N, K, E, D, F);
        const between = { gateUp, codedActive: nowhere, active };
        return gradient(backend, inputs, sizes, attrs, { ...saved, dy: dys.y }, between);
      });
    },
  });
}

/** What lies between the two products of the experts. */
interface Between {
  readonly gateUp: Address;
  /** `nowhere`: the activations are not kept. */
  readonly codedActive: Address;
}

function forward(
  backend: EngineBackend,
  { x, topkIndices, topkWeights, gateUpProj, downProj }: Inputs,
  { N, K, E, D, F }: Sizes,
  { weights }: Fp8Recipe,
  { gateUp, codedActive }: Between,
): { readonly y: tf.TensorInfo; readonly plan: tf.TensorInfo; readonly codedX: tf.TensorInfo } {
  const M = N * K;
  const y = backend.output([N, D]);
  const plan = backend.output([backend.exports.planLength(M, E)], 'int32');
  const at = backend.address;
  if (backend.exports.planExperts(at(topkIndices), at(plan), N, K, E) === 0) {
    throw new Error(`fp8Experts: expected indices of ${E} experts, found one out of range`);
  }
  const codedX = codesOf(backend, x, [N, D], 'e4m3');
  withWorkspace(backend, [2 * E * F * D, E * D * F, N * D, M * F, M * D], (...workspace) => {
    const given = [at(codedX), at(topkWeights), at(gateUpProj), at(downProj), at(plan), gateUp, codedActive] as const;
    const blocks = blockArguments(weights, Math.max(2 * F, D), Math.max(D, F));
    backend.exports.fp8Experts(...given, ...workspace, at(y), N, K, E, D, F, ...blocks);
  });
  return { y, plan, codedX };
}

/** What the gradient reads beside the inputs. */
interface Saved {
  readonly plan: Operand;
  readonly codedX: Operand;
  readonly dy: Operand;
}

/** `active`, with `nowhere` as their codes, are the activations; it is overwritten. */
function gradient(
  backend: EngineBackend,
  { topkWeights, gateUpProj, downProj }: Omit<Inputs, 'x'>,
  { N, K, E, D, F }: Sizes,
  { weights, gradients }: Fp8Recipe,
  { plan, codedX, dy }: Saved,
  { gateUp, codedActive, active }: Between & { readonly active: Address },
) {
  const M = N * K;
  const [dx, dGates] = [backend.output([N, D]), backend.output([N, K])];
  const [dGateUp, dDown] = [backend.output([E, 2 * F, D]), backend.output([E, D, F])];
  const at = backend.address;
  const { packedLength } = backend.exports;
  const weightLengths = [2 * E * F * D, E * D * F, N * D, M * F] as const;
  const rowLengths = [2 * M * F, 2 * M * F, M * D, M * D, M, packedLength(M, D), packedLength(M, 2 * F)] as const;
  withWorkspace(backend, weightLengths, (...ofWeights) => {
    withWorkspace(backend, rowLengths, (...ofRows) => {
      const kept = [at(plan), gateUp, at(codedX), codedActive] as const;
      const given = [at(topkWeights), at(gateUpProj), at(downProj), ...kept, at(dy)] as const;
      const grads = [at(dx), at(dGates), at(dGateUp), at(dDown)] as const;
      const blocks = blockArguments(weights, Math.max(2 * F, D), Math.max(D, F));
      const formats = [...blocks, ...formatArguments(gradients)] as const;
      backend.exports.fp8ExpertsGrad(...given, ...grads, ...ofWeights, active, ...ofRows, N, K, E, D, F, ...formats);
    });
  });
  return { x: dx, topkWeights: dGates, gateUpProj: dGateUp, downProj: dDown };
}
