// The tape: what TF.js records while a computation runs, so that it can be differentiated afterwards.
//
// TF.js has one tape, in the state of its engine. A recording puts a list of its own in that place for as long as its
// computation runs and then takes it away again, so any number of recordings can be alive, each with its own ops.

import type { CustomOp } from './custom-op.ts';
import { tf } from './tf.ts';

/** One op on the tape. */
export interface TapeNode {
  readonly kernelName: string;
  readonly inputs: Readonly<Record<string, tf.Tensor>>;
  readonly outputs: readonly tf.Tensor[];
  /** Zeros stand for outputs without a gradient. Absent where TF.js knows none. */
  readonly gradient?: (dys: (tf.Tensor | null)[]) => Record<string, () => tf.Tensor>;
  /** The node's own handles to the tensors that its gradient needs; no scope disposes them. */
  readonly saved?: readonly tf.Tensor[];
  /** The op that the node was made from; absent for an op of TF.js itself. */
  readonly op?: CustomOp;
  /** What recomputation has noted; see `recompute.ts`. */
  again?: NodeAgain;
}

/** What recomputation knows of a node. */
export interface NodeAgain {
  /** Puts back what the node has saved and no longer holds. */
  restore?: () => void;
  /** Frees what was computed again of its outputs. */
  dispose?: () => void;
}

/** The part of TF.js's state that decides what is recorded, and where. */
interface RecordingState {
  activeTape: unknown;
  gradientDepth: number;
  /** Ops that run inside another op are not recorded. */
  kernelDepth: number;
}

/**
 * Runs `f` and returns its result and its ops in the order in which they ran.
 *
 * Tensors that `f` makes are disposed, also when it throws, except its result and those it passes to `tf.keep`. What
 * the ops have saved belongs to the caller.
 */
export function recordTape<T>(f: () => T): { value: T; tape: readonly TapeNode[] } {
  const state = tf.engine().state as RecordingState;
  if (state.gradientDepth > 0) {
    throw new Error(
      'gradients: called inside a computation that is being differentiated itself, where the result would be a constant; ' +
        'call it before or after that one',
    );
  }
  const before = { activeTape: state.activeTape, gradientDepth: state.gradientDepth, kernelDepth: state.kernelDepth };
  const tape: TapeNode[] = [];
  Object.assign(state, { activeTape: tape, gradientDepth: 1, kernelDepth: 0 });
  try {
    // The result contains tensors, but its type need not say so.
    return { value: tf.tidy(f as () => tf.TensorContainer) as T, tape };
  } catch (error) {
    for (const node of tape) disposeSaved(node);
    throw error;
  } finally {
    Object.assign(state, before);
  }
}

/** Frees what an op has kept for its gradient, if it is still there, and what was computed again of its outputs. */
export function disposeSaved({ saved, again }: TapeNode): void {
  if (saved !== undefined) disposeAll(saved);
  again?.dispose?.();
}

/** `tf.dispose` for a list of tensors. A walk calls it several times for each op, so it does not search for tensors. */
export function disposeAll(tensors: readonly (tf.Tensor | null)[]): void {
  for (const tensor of tensors) tensor?.dispose();
}

/** Ids of `tensors` and of everything that the ops compute from them. */
export function reachedFrom(tensors: readonly tf.Tensor[], tape: readonly TapeNode[]): ReadonlySet<number> {
  const reached = new Set(tensors.map(({ id }) => id));
  for (const { inputs, outputs } of tape) {
    if (Object.values(inputs).some(({ id }) => reached.has(id))) for (const { id } of outputs) reached.add(id);
  }
  return reached;
}
