// Ops on lists of items, in one call: the items can be parameters, each with the same few tensors. They have no
// gradient.
//
// To TF.js such a kernel is one on a list, as its own Concat and AddN are:
// [...inputs, ...tensors of the first item, ...].

import { pairsOf } from '../precision/bfloat16-pairs.ts';
import { tf } from '../tensor/tf.ts';
import type { Attributes, AttributesOf, Made, Operand, Operands, Tensors } from './define-op.ts';
import { byName, listed, register, runKernel, type TensorsByName } from './kernels.ts';
import { LetteredShapes, type Shapes } from './shape-letters.ts';

/** The description of an op on lists. */
export interface ListOpSpec {
  readonly name: string;
  /** Inputs that all items share. */
  readonly inputs: Shapes;
  /** The tensors of an item, float32 and all of one shape, which differs from item to item. */
  readonly item: readonly string[];
  /** Those of them that have numbers of 16 bits instead: int32, two numbers in each, in a list. */
  readonly pairs?: readonly string[];
  readonly attrs?: Attributes<object>;
  readonly outputs: Shapes;
}

/** An op on lists, ready to be run and to be given a kernel. */
export interface ListOp<S extends ListOpSpec = ListOpSpec> {
  readonly name: string;
  readonly spec: S;
  readonly inputs: LetteredShapes;
  readonly outputs: LetteredShapes;
}

export function defineListOp<const S extends ListOpSpec>(spec: S): ListOp<S> {
  const known = new Set<string>();
  const inputs = new LetteredShapes(spec.name, spec.inputs, known);
  return { name: spec.name, spec, inputs, outputs: new LetteredShapes(`outputs of ${spec.name}`, spec.outputs, known) };
}

type ItemOf<S extends ListOpSpec, T> = Readonly<Record<S['item'][number], T>>;

/** Runs the kernel, which the active backend must have. */
export function runListKernel<S extends ListOpSpec>(
  op: ListOp<S>,
  inputs: Tensors<S['inputs']>,
  items: readonly ItemOf<S, tf.Tensor>[],
  attrs: AttributesOf<S>,
): Tensors<S['outputs']> {
  const shared = inputs as Readonly<Record<string, tf.Tensor>>;
  const list = op.inputs.names.map((name) => shared[name]!);
  for (const item of items as readonly Readonly<Record<string, tf.Tensor>>[]) {
    for (const name of op.spec.item) list.push(item[name]!);
  }
  const outputs = runKernel(op.name, list, attrs);
  return byName(op.outputs.names, outputs) as Tensors<S['outputs']>;
}

/** How a backend computes an op on lists; see `Kernels`. */
export type ListKernel<S extends ListOpSpec, Backend> = (
  backend: Backend,
  inputs: Operands<S['inputs']>,
  items: readonly ItemOf<S, Operand>[],
  attrs: AttributesOf<S>,
) => Made<S['outputs']>;

/** Gives a backend of TF.js its kernel for an op on lists. */
export function registerListKernel<S extends ListOpSpec, Backend>(
  backendName: string,
  op: ListOp<S>,
  kernel: ListKernel<S, Backend>,
): void {
  register(backendName, op.name, (given, attrs, backend) => {
    const list = Object.values(given as tf.TensorInfo[]);
    const shared = byName(op.inputs.names, list);
    op.inputs.measure(shared, {});
    const items = itemsOf(op, list.slice(op.inputs.names.length));
    const inputs = shared as unknown as Operands<S['inputs']>;
    const made: TensorsByName = kernel(backend as Backend, inputs, items, attrs as AttributesOf<S>);
    op.outputs.measure(made, {});
    return listed(op, op.outputs.names, made);
  });
}

function itemsOf<S extends ListOpSpec>({ name, spec }: ListOp<S>, list: readonly tf.TensorInfo[]) {
  const items: ItemOf<S, Operand>[] = [];
  for (let at = 0; at < list.length; at += spec.item.length) {
    const item: Record<string, Operand> = {};
    const { shape } = list[at]!;
    for (const [i, key] of spec.item.entries()) {
      const tensor = list[at + i]!;
      const isPairs = spec.pairs?.includes(key) === true;
      const wanted = isPairs ? [pairsOf(tf.util.sizeFromShape(shape))] : shape;
      const dtype = isPairs ? 'int32' : 'float32';
      if (tensor.dtype !== dtype || !tf.util.arraysEqual(tensor.shape, wanted)) {
        throw new Error(`${name}: expected ${key} ${dtype} [${wanted}], found ${tensor.dtype} [${tensor.shape}]`);
      }
      item[key] = tensor;
    }
    items.push(item as ItemOf<S, Operand>);
  }
  return items;
}
