// What a backend implements: for each op it wants to compute itself, a function for the values and one for the gradients.
//
// To TF.js a kernel is a string that goes with lists of tensors. Which tensor is where is known here and in `fusedOp` alone:
//
//   NAME      inputs by name                                    -> [...outputs, ...saved]
//   NAMEGrad  [...inputs, ...gradients of outputs, ...saved]    -> [gradient of each input that is given and has one]
//
// An input that is absent leaves a gap in the list of NAMEGrad.

import { tf } from '../tensor/tf.ts';
import type {
  AttributesOf,
  HasGradient,
  InputGradients,
  Op,
  OpSpec,
  Operands,
  Results,
  SavedOperands,
  SizesOf,
} from './define-op.ts';
import type { Sizes } from './shape-letters.ts';

/** What a kernel is told besides its inputs. */
export interface Call<S extends OpSpec> {
  readonly attrs: AttributesOf<S>;
  readonly sizes: SizesOf<S>;
}

/** What a gradient kernel is told besides the inputs. */
export interface GradientCall<S extends OpSpec> extends Call<S> {
  /** The gradients of the outputs, under their names. */
  readonly dys: Operands<S['outputs']>;
  /** What the forward pass has saved. */
  readonly saved: SavedOperands<S>;
}

interface Forward<S extends OpSpec, Backend> {
  /** Makes the outputs, and what the gradient wants to have again. */
  readonly forward: (backend: Backend, inputs: Operands<S['inputs']>, call: Call<S>) => Results<S>;
}

interface Gradient<S extends OpSpec, Backend> {
  /** Makes the gradient of each input that has one, under its name. */
  readonly gradient: (backend: Backend, inputs: Operands<S['inputs']>, call: GradientCall<S>) => InputGradients<S>;
}

/**
 * How a backend computes an op. Its inputs have been checked against the op's shapes; what it makes is checked after it.
 *
 * Ownership: what a kernel returns belongs to the caller, and one tensor may be returned under several names. What else it
 * makes it must dispose.
 */
export type Kernels<S extends OpSpec, Backend> =
  HasGradient<S> extends true ? Forward<S, Backend> & Gradient<S, Backend> : Forward<S, Backend>;

type KernelFunc = tf.KernelConfig['kernelFunc'];

/** What kernels are to this file: tensors by name. */
type Infos = Readonly<Record<string, tf.TensorInfo | undefined>>;

interface AnyKernels {
  forward(backend: unknown, inputs: Infos, call: { attrs: unknown; sizes: Sizes }): Infos;
  gradient?(backend: unknown, inputs: Infos, call: { attrs: unknown; sizes: Sizes; dys: Infos; saved: Infos }): Infos;
}

export const gradientName = (name: string) => `${name}Grad`;

/** Whether the active backend has a kernel of its own. */
export function hasKernel({ name }: { readonly name: string }): boolean {
  return tf.getKernel(name, tf.getBackend()) !== undefined;
}

/** Runs a kernel of the active backend. */
export function runKernel(
  name: string,
  inputs: Infos | readonly (tf.TensorInfo | undefined)[],
  attrs: object,
): tf.Tensor[] {
  const made: tf.Tensor | tf.Tensor[] = tf
    .engine()
    .runKernel(name, inputs as unknown as tf.NamedTensorMap, attrs as tf.NamedAttrMap);
  return Array.isArray(made) ? made : [made];
}

/** Gives a backend of TF.js its kernels for an op. */
export function registerKernels<S extends OpSpec, Backend>(
  backendName: string,
  op: Op<S>,
  kernels: Kernels<S, Backend>,
): void {
  const { forward, gradient } = kernels as AnyKernels;
  const register = (kernelName: string, kernelFunc: KernelFunc) =>
    tf.registerKernel({ kernelName, backendName, kernelFunc });
  register(op.name, ({ inputs, attrs, backend }) => {
    const sizes = measured(op, inputs);
    const results = forward(backend, inputs, { attrs, sizes });
    op.outputs.measure(results, sizes);
    op.saved.measure(results, sizes);
    return listed(op, op.resultNames, results, backend);
  });
  if (gradient === undefined) return;
  const [dysAt, savedAt] = [op.inputs.names.length, op.inputs.names.length + op.outputs.names.length];
  register(gradientName(op.name), ({ inputs: given, attrs, backend }) => {
    const list = given as unknown as readonly (tf.TensorInfo | undefined)[];
    const inputs = byName(op.inputs.names, list);
    const sizes = measured(op, inputs);
    const [dys, saved] = [byName(op.outputs.names, list, dysAt), byName(op.savedNames, list, savedAt)];
    const gradients = gradient(backend, inputs, { attrs, sizes, dys, saved });
    op.gradients.measure(gradients, sizes);
    const wanted = withGradient(op, inputs);
    const made = listed(op, wanted, gradients, backend);
    if (made.length < wanted.length) throw new Error(`gradients of ${op.name}: expected ${wanted.join(', ')}`);
    return made;
  });
}

/** Inputs that are given and have a gradient, in the order of their gradients. */
export const withGradient = ({ gradients }: Op, inputs: Infos): readonly string[] =>
  gradients.names.filter((name) => inputs[name] !== undefined);

/** The lengths of the op's letters; throws where the inputs do not agree. */
export function measured(op: Op, inputs: Infos): Sizes {
  const sizes: Sizes = {};
  op.inputs.measure(inputs, sizes);
  return sizes;
}

/** Tensors of a list under their names; `from`: where they begin in it. */
export function byName<T>(names: readonly string[], list: readonly T[], from = 0): Record<string, T> {
  const tensors: Record<string, T> = {};
  for (let i = 0; i < names.length; i++) tensors[names[i]!] = list[from + i]!;
  return tensors;
}

/** Tensors as a list, each with a reference of its own: one that has two names is counted twice. Only the last may be absent. */
function listed(op: Op, names: readonly string[], results: Infos, backend: unknown): tf.TensorInfo[] {
  for (const name in results) {
    if (results[name] !== undefined && !names.includes(name)) {
      throw new Error(`internal: a kernel of ${op.name} has made ${name}; expected ${names.join(', ')}`);
    }
  }
  const list: tf.TensorInfo[] = [];
  for (const name of names) {
    const info = results[name];
    if (info === undefined) continue;
    const isAgain = list.some(({ dataId }) => dataId === info.dataId);
    if (isAgain) (backend as { incRef(dataId: object): void }).incRef(info.dataId);
    list.push(isAgain ? { ...info } : info);
  }
  return list;
}
