// Recomputation: what an op has made is not kept for the backward pass, but computed again there.
//
// The code of a model says which ops are worth it (`recomputed`), and where everything is known that they take
// (`forgetting`, around a block). At the end of such a scope the tape lets go of what those ops have made. The backward
// pass has it computed again, by the same kernel from the same numbers, when it comes to the first op that reads it; so
// gradients have the same bits. Nothing else changes: passes in halves, recorded ones and those of a pipeline's stages
// are walks over the same tape.
//
// Source: selective recomputation, arXiv:2205.05198; what DeepSeek-V3 recomputes, arXiv:2412.19437 section 3.2.3.

import type { Again } from './custom-op.ts';
import type { TapeNode } from './tape.ts';
import { tf } from './tf.ts';

interface NodeOnTape extends TapeNode {
  readonly saved?: tf.Tensor[];
  isRecomputed?: boolean;
}

/** The ops that are recorded now, after the first `from`. */
function recordedNow(from = 0): readonly NodeOnTape[] {
  const { gradientDepth, activeTape } = tf.engine().state;
  return gradientDepth === 0 ? [] : (activeTape as unknown as NodeOnTape[]).slice(from);
}

const lengthNow = () => {
  const { gradientDepth, activeTape } = tf.engine().state;
  return gradientDepth === 0 ? 0 : activeTape.length;
};

/**
 * Runs `f` and says that the ops in it may be computed again: they take less time than their results take memory. It
 * has an effect inside `forgetting`, and where the backend has a kernel for the whole op.
 */
export function recomputed<T>(f: () => T): T {
  const from = lengthNow();
  const value = f();
  for (const node of recordedNow(from)) node.isRecomputed = true;
  return value;
}

/**
 * Runs `f` in a scope of its own, like `tf.tidy`, and lets go of what is to be computed again and was kept for ops in
 * it.
 */
export function forgetting<T extends tf.TensorContainer>(f: () => T): T {
  const from = lengthNow();
  const value = tf.tidy(f);
  forget(recordedNow(from));
  return value;
}

/** An output that can be computed again. */
class Forgotten {
  readonly #node: NodeOnTape;
  readonly #again: Again;
  readonly #siblings: readonly Forgotten[];
  readonly #of: ReadonlyMap<object, Forgotten>;
  /** Slots on the tape that still have to be filled. */
  users = 0;
  value: tf.Tensor | null = null;

  constructor(node: NodeOnTape, siblings: readonly Forgotten[], of: ReadonlyMap<object, Forgotten>) {
    this.#node = node;
    this.#again = node.op!.again!;
    this.#siblings = siblings;
    this.#of = of;
  }

  /** Its value as a tensor of this shape, which belongs to the caller. */
  take(shape: number[]): tf.Tensor {
    if (this.value === null) this.#compute();
    const value = tf.keep(tf.reshape(this.value!, shape));
    if (this.users === 0) this.dispose();
    return value;
  }

  dispose(): void {
    this.value?.dispose();
    this.value = null;
  }

  #compute(): void {
    const { needs, run } = this.#again;
    if (needs.length === 0) this.#node.again?.restore?.(); // it reads what was saved
    const found = needs.map((tensor) => this.#find(tensor));
    const outputs = run(
      found.map(({ value }) => value),
      this.#node.saved ?? [],
    );
    for (const { value, isOwn } of found) if (isOwn) value.dispose();
    for (const [i, sibling] of this.#siblings.entries()) {
      sibling.dispose();
      sibling.value = tf.keep(outputs[i]!);
      if (sibling !== this && sibling.users === 0) sibling.dispose();
    }
  }

  /** An input of the op: as it was saved, or computed again. */
  #find({ dataId, shape }: tf.Tensor): { readonly value: tf.Tensor; readonly isOwn: boolean } {
    const output = this.#of.get(dataId);
    if (output !== undefined) return { value: output.take(shape), isOwn: true };
    return { value: this.#node.saved!.find((tensor) => tensor.dataId === dataId)!, isOwn: false };
  }
}

function forget(nodes: readonly NodeOnTape[]): void {
  const of = new Map<object, Forgotten>();
  for (const node of nodes) {
    const again = node.isRecomputed === true ? node.op?.again : undefined;
    if (again === undefined || node.again?.dispose !== undefined) continue;
    const isSaved = (tensor: tf.Tensor) => node.saved?.some(({ dataId }) => dataId === tensor.dataId) ?? false;
    if (!again.needs.every((tensor) => isSaved(tensor) || of.has(tensor.dataId))) continue;
    const made: Forgotten[] = [];
    for (const at of again.outputs) {
      const output = new Forgotten(node, made, of);
      made.push(output);
      of.set(node.outputs[at]!.dataId, output);
    }
    node.again = { ...node.again, dispose: () => made.forEach((output) => void output.dispose()) };
  }
  for (const node of nodes) letGo(node, of);
}

/** Frees what a node has saved of these outputs, and notes how it gets it back. */
function letGo(node: NodeOnTape, of: ReadonlyMap<object, Forgotten>): void {
  const { saved } = node;
  const slots = (saved ?? []).flatMap((tensor, at) => {
    const output = tensor.isDisposed ? undefined : of.get(tensor.dataId);
    return output === undefined ? [] : [{ at, shape: tensor.shape, output }];
  });
  if (saved === undefined || slots.length === 0) return;
  for (const { at, output } of slots) {
    output.users++;
    saved[at]!.dispose();
  }
  const restore = () => {
    for (const { at, shape, output } of slots.splice(0)) {
      output.users--;
      saved[at] = output.take(shape);
    }
  };
  const before = node.again?.restore;
  node.again = {
    ...node.again,
    restore: () => {
      before?.();
      restore();
    },
  };
}
