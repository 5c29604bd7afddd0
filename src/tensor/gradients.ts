// Reverse-mode differentiation over TF.js's tape.
//
// TF.js's own walk keeps every activation and every gradient until the end, differentiates constants too, and looks at the
// whole tape several times. This one frees what a node has saved, and the gradients of its outputs, as soon as they are
// used: half the memory, and blocks are used again while they are in the cache.

import { tf } from './tf.ts';

/** A loss and its gradient with respect to each variable; all of them belong to the caller. */
export interface ValueAndGrads {
  readonly value: tf.Scalar;
  readonly grads: readonly tf.Tensor[];
}

/** One op on the tape. */
interface TapeNode {
  readonly kernelName: string;
  readonly inputs: Readonly<Record<string, tf.Tensor>>;
  readonly outputs: readonly tf.Tensor[];
  /** Zeros stand for outputs without a gradient. Absent where TF.js knows none. */
  readonly gradient?: (dys: (tf.Tensor | null)[]) => Record<string, () => tf.Tensor>;
  readonly saved?: readonly tf.Tensor[];
}

/** The tape of `loss`, and its value. */
function record(loss: () => tf.Scalar): { value: tf.Scalar; tape: TapeNode[] } {
  const state = tf.engine().state as { gradientDepth: number; activeTape: unknown };
  const tape: TapeNode[] = [];
  state.activeTape = tape;
  state.gradientDepth = 1;
  try {
    return { value: tf.tidy(loss), tape };
  } catch (error) {
    for (const { saved } of tape) tf.dispose([...(saved ?? [])]);
    throw error;
  } finally {
    state.gradientDepth = 0;
    state.activeTape = null;
  }
}

/** The ops between the variables and anything computed from them. */
function nodesFrom(variables: readonly tf.Variable[], tape: readonly TapeNode[]): ReadonlySet<number> {
  const reached = new Set(variables.map(({ id }) => id));
  for (const { inputs, outputs } of tape) {
    if (Object.values(inputs).some(({ id }) => reached.has(id))) for (const { id } of outputs) reached.add(id);
  }
  return reached;
}

/** Gradients of the inputs of a node that have one, by name. */
function inputGradients(node: TapeNode, dys: (tf.Tensor | null)[], wanted: readonly string[]): tf.Tensor[] {
  const { gradient, kernelName } = node;
  if (gradient === undefined) throw new Error(`internal: TF.js has no gradient for ${kernelName}`);
  return tf.tidy(() => {
    const byName = gradient(dys);
    return wanted.map((name) => byName[name]!());
  });
}

/** Walks the tape backwards; the gradients it returns by tensor id belong to the caller's tidy. */
function backpropagate(tape: readonly TapeNode[], value: tf.Scalar, variables: readonly tf.Variable[]) {
  const reached = nodesFrom(variables, tape);
  const gradients = new Map<number, tf.Tensor>([[value.id, tf.onesLike(value)]]);
  for (const node of tape.toReversed()) {
    const dys = node.outputs.map(({ id }) => gradients.get(id) ?? null);
    const wanted = Object.keys(node.inputs).filter((name) => reached.has(node.inputs[name]!.id));
    if (wanted.length > 0 && dys.some((dy) => dy !== null)) {
      // A gradient function may hand on a tensor it was given, or give one for two inputs: each needs a handle of its own.
      const known: (tf.Tensor | null)[] = [...dys, ...(node.saved ?? []), ...Object.values(node.inputs)];
      for (const [i, dx] of inputGradients(node, dys, wanted).entries()) {
        accumulate(gradients, node.inputs[wanted[i]!]!.id, known.includes(dx) ? tf.clone(dx) : dx);
        known.push(dx);
      }
    }
    for (const [i, dy] of dys.entries()) {
      gradients.delete(node.outputs[i]!.id);
      dy?.dispose();
    }
    tf.dispose([...(node.saved ?? [])]);
  }
  return gradients;
}

/** Adds `gradient`, which it takes over, to what is known for a tensor. */
function accumulate(gradients: Map<number, tf.Tensor>, id: number, gradient: tf.Tensor): void {
  const known = gradients.get(id);
  gradients.set(id, known === undefined ? gradient : tf.add(known, gradient));
  if (known !== undefined) tf.dispose([known, gradient]);
}

/**
 * Differentiates `loss` with respect to `variables`, in their order; a variable the loss does not depend on gets zeros.
 *
 * Unlike `tf.variableGrads` this asks for no global variable names. Tensors that `loss` makes are disposed, also when it
 * throws, except those it passes to `tf.keep`. Not to be called inside itself or `tf.grad`.
 */
export function valueAndGrads(loss: () => tf.Scalar, variables: readonly tf.Variable[]): ValueAndGrads {
  const { value, tape } = record(loss);
  try {
    const grads = tf.tidy(() => {
      const gradients = backpropagate(tape, value, variables);
      return variables.map((variable) => gradients.get(variable.id) ?? tf.zerosLike(variable));
    });
    return { value, grads };
  } catch (error) {
    value.dispose();
    throw error;
  } finally {
    for (const { saved } of tape) for (const tensor of saved ?? []) if (!tensor.isDisposed) tensor.dispose();
  }
}
