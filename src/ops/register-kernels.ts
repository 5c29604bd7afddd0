// Makes a backend's kernels known to TF.js, each with a check of what goes in and what comes out.

import type { tf } from '../tensor/tf.ts';
import type { Op, OpSpec } from './define-op.ts';
import type { Kernels } from './kernel-types.ts';
import {
  byName,
  counted,
  gradientName,
  handedOn,
  inputHalfName,
  listed,
  measured,
  register,
  type TensorList,
  type TensorsByName,
  weightHalfName,
} from './kernels.ts';
import type { LetteredShapes, Sizes } from './shape-letters.ts';

interface AnyCall {
  readonly attrs: unknown;
  readonly sizes: Sizes;
}

interface AnyGradientCall extends AnyCall {
  readonly dys: TensorsByName;
  readonly saved: TensorsByName;
}

/** The kernels of any op. */
interface AnyKernels {
  forward(backend: unknown, inputs: TensorsByName, call: AnyCall): TensorsByName;
  gradient?(backend: unknown, inputs: TensorsByName, call: AnyGradientCall): TensorsByName;
  gradientInputs?(
    backend: unknown,
    inputs: TensorsByName,
    call: AnyGradientCall,
  ): { readonly gradients: TensorsByName; readonly kept: TensorsByName | null };
  gradientWeights?(backend: unknown, kept: TensorsByName, call: AnyCall): TensorsByName;
}

/** Gives a backend of TF.js its kernels for an op. */
export function registerKernels<S extends OpSpec, Backend>(
  backendName: string,
  op: Op<S>,
  kernels: Kernels<S, Backend>,
): void {
  const { forward, gradient, gradientInputs, gradientWeights } = kernels as AnyKernels;
  register(backendName, op.name, (given, attrs, backend) => {
    const inputs = given as TensorsByName;
    const sizes = measured(op, inputs);
    const results = forward(backend, inputs, { attrs, sizes });
    op.outputs.measure(results, sizes);
    op.saved.measure(results, sizes);
    return counted(listed(op, op.resultNames, results), backend);
  });
  if (gradient !== undefined) registerGradient(backendName, op, gradient);
  if (gradientInputs !== undefined) registerInputHalf(backendName, op, gradientInputs);
  if (gradientWeights !== undefined) registerWeightHalf(backendName, op, gradientWeights);
}

function registerGradient(backendName: string, op: Op, gradient: NonNullable<AnyKernels['gradient']>): void {
  register(backendName, gradientName(op), (list, attrs, backend) => {
    const { inputs, call } = gradientCall(op, list as TensorList, attrs);
    const gradients = gradient(backend, inputs, call);
    op.gradients.measure(gradients, call.sizes);
    return counted(listedGradients(op, wanted(op, op.gradients, inputs), gradients), backend);
  });
}

function registerInputHalf(backendName: string, op: Op, half: NonNullable<AnyKernels['gradientInputs']>): void {
  register(backendName, inputHalfName(op), (list, attrs, backend) => {
    const { inputs, call } = gradientCall(op, list as TensorList, attrs);
    const { gradients, kept } = half(backend, inputs, call);
    const others = wanted(op, op.others, inputs);
    if (kept === null) {
      op.gradients.measure(gradients, call.sizes);
      return counted(listedGradients(op, [...others, ...op.weights.names], gradients), backend);
    }
    op.others.measure(gradients, call.sizes);
    op.kept.measure(kept, call.sizes);
    return counted([...listedGradients(op, others, gradients), ...listed(op, op.kept.names, kept)], backend);
  });
}

function registerWeightHalf(backendName: string, op: Op, half: NonNullable<AnyKernels['gradientWeights']>): void {
  const { weights, kept: keptShapes } = op;
  register(backendName, weightHalfName(op), (given, attrs, backend) => {
    const list = given as readonly tf.TensorInfo[];
    if (list.length === weights.names.length) return list.map((gradient) => handedOn(gradient, backend));
    const kept = byName(keptShapes.names, list);
    const sizes: Sizes = {};
    keptShapes.measure(kept, sizes);
    const gradients = half(backend, kept, { attrs, sizes });
    weights.measure(gradients, sizes);
    return counted(listedGradients(op, weights.names, gradients), backend);
  });
}

/** The names of the inputs that have one of these gradients: those that are given, and those that are not read. */
function wanted({ spec: { unsaved = [] } }: Op, shapes: LetteredShapes, inputs: TensorsByName): readonly string[] {
  return shapes.names.filter((name) => inputs[name] !== undefined || unsaved.includes(name));
}

function listedGradients(op: Op, names: readonly string[], gradients: TensorsByName): tf.TensorInfo[] {
  const list = listed(op, names, gradients);
  if (list.length < names.length) throw new Error(`gradients of ${op.name}: expected ${names.join(', ')}`);
  return list;
}

/** What a gradient kernel is called with, from its list. */
function gradientCall(
  op: Op,
  list: TensorList,
  attrs: unknown,
): { readonly inputs: TensorsByName; readonly call: AnyGradientCall } {
  const { names } = op.inputs;
  const inputs = byName(names, list);
  const dys = byName(op.outputs.names, list, names.length);
  const saved = byName(op.savedNames, list, names.length + op.outputs.names.length);
  const sizes: Sizes = {};
  if (op.read === null) op.inputs.measure(inputs, sizes);
  else op.read.measure({ ...inputs, ...dys }, sizes);
  return { inputs, call: { attrs, sizes, dys, saved } };
}
