// How a kernel is called through TF.js: by its name, with tensors in lists, in this order:
//
//   NAME             inputs by name                                    -> [...outputs, ...saved]
//   NAMEGrad         [...inputs, ...gradients of outputs, ...saved]    -> [gradient of each input that is given and has one]
//   NAMEGradInputs   the same                                          -> [gradient of each of them but the weights, ...kept]
//   NAMEGradWeights  [...kept]                                         -> [gradient of each weight]
//
// An input that is absent leaves a gap in the list of a gradient kernel. NAMEGradInputs may
// compute the gradients of the weights as well and keep these; NAMEGradWeights then returns them.

import { tf } from '../tensor/tf.ts';
import type { Op } from './define-op.ts';
import type { LetteredShapes, Sizes } from './shape-letters.ts';

type Named = Pick<Op, 'name'>;

export type TensorsByName = Readonly<Record<string, tf.TensorInfo | undefined>>;
/** Tensors in order; an absent one is undefined. */
export type TensorList = readonly (tf.TensorInfo | undefined)[];

/** A backend of TF.js, which counts how many tensors share their data. */
interface CountingBackend {
  incRef(dataId: object): void;
}

export const gradientName = ({ name }: Named) => `${name}Grad`;
export const inputHalfName = ({ name }: Named) => `${name}GradInputs`;
export const weightHalfName = ({ name }: Named) => `${name}GradWeights`;

const isRegistered = (kernelName: string) => tf.getKernel(kernelName, tf.getBackend()) !== undefined;

/** Whether the active backend has a kernel of its own. */
export const hasKernel = (op: Named): boolean => isRegistered(op.name);

/** Whether it also has the gradient in halves. */
export const hasHalves = (op: Named): boolean => isRegistered(inputHalfName(op));

/** Gives a backend a kernel. */
export function register(
  backendName: string,
  kernelName: string,
  kernel: (inputs: unknown, attrs: unknown, backend: CountingBackend) => tf.TensorInfo[],
): void {
  const kernelFunc: tf.KernelConfig['kernelFunc'] = ({ inputs, attrs, backend }) =>
    kernel(inputs, attrs, backend as CountingBackend);
  tf.registerKernel({ kernelName, backendName, kernelFunc });
}

/** Runs a kernel of the active backend. */
export function runKernel(kernelName: string, inputs: TensorsByName | TensorList, attrs: object): tf.Tensor[] {
  const made: tf.Tensor | tf.Tensor[] = tf
    .engine()
    .runKernel(kernelName, inputs as unknown as tf.NamedTensorMap, attrs as tf.NamedAttrMap);
  return Array.isArray(made) ? made : [made];
}

/** The lengths of the op's letters; throws where the inputs do not agree. */
export function measured(op: Op, inputs: TensorsByName): Sizes {
  const sizes: Sizes = {};
  op.inputs.measure(inputs, sizes);
  return sizes;
}

/** The names of the given inputs that have one of these gradients. */
export const withGradient = ({ names }: LetteredShapes, inputs: TensorsByName): readonly string[] =>
  names.filter((name) => inputs[name] !== undefined);

/** Tensors of a list under their names; `from`: where they begin in it. */
export function byName<T>(names: readonly string[], list: readonly T[], from = 0): Record<string, T> {
  const tensors: Record<string, T> = {};
  for (let i = 0; i < names.length; i++) tensors[names[i]!] = list[from + i]!;
  return tensors;
}

/** The tensors of these names as a list, without those that are absent; throws where there are others. */
export function listed(op: Named, names: readonly string[], made: TensorsByName): tf.TensorInfo[] {
  for (const name in made) {
    if (made[name] !== undefined && !names.includes(name)) {
      throw new Error(`internal: a kernel of ${op.name} has made ${name}; expected ${names.join(', ')}`);
    }
  }
  const list: tf.TensorInfo[] = [];
  for (const name of names) {
    const info = made[name];
    if (info !== undefined) list.push(info);
  }
  return list;
}

/** Gives each entry of a list its own reference: a tensor that is in the list twice is counted twice. */
export function counted(list: tf.TensorInfo[], backend: CountingBackend): tf.TensorInfo[] {
  for (let i = 1; i < list.length; i++) {
    const info = list[i]!;
    if (isBefore(list, info.dataId, i)) list[i] = handedOn(info, backend);
  }
  return list;
}

function isBefore(list: readonly tf.TensorInfo[], dataId: object, end: number): boolean {
  for (let i = 0; i < end; i++) if (list[i]!.dataId === dataId) return true;
  return false;
}

/** One more reference to a tensor. */
export function handedOn({ dataId, shape, dtype }: tf.TensorInfo, backend: CountingBackend): tf.TensorInfo {
  backend.incRef(dataId);
  return { dataId, shape, dtype };
}
