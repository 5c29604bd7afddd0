// Computes gradients by a walk over a tape from its end to its beginning.
//
// TF.js's own walk keeps every activation and every gradient until the end, differentiates constants too, and looks at
// the whole tape several times. This one frees what a node has saved, and the gradients of its outputs, as soon as they
// are used: half the memory, and blocks are used again while they are in the cache.
//
// The walk can also be made in two halves: the first computes the gradients that lead to the inputs of the computation,
// the second those that only weights need. Between them, each node with work left holds only what that work needs. The
// gradients of every tensor are added in the same order whether or not the walk is in halves, so the bits are the same.

import type { SplitGradient } from './custom-op.ts';
import { handleTo } from './saved-handles.ts';
import { disposeAll, disposeSaved, reachedFrom, type TapeNode } from './tape.ts';
import { tf } from './tf.ts';

/** The gradients that are known so far, by the id of their tensor. The map owns them. */
export type GradientSums = Map<number, tf.Tensor>;

/** A gradient for the tensor with this id. It belongs to the receiver. */
type Contribution = readonly [id: number, gradient: tf.Tensor];

/** The work of a node that is still to be done. */
interface Pending {
  /** What the work needs, to be freed after it. */
  readonly held: readonly tf.Tensor[];
  readonly contributions: (sums: GradientSums) => readonly Contribution[];
}

/** The second half of a walk: the work that the first half leaves for the gradients of weights. */
export class WeightsHalf {
  readonly #pending: Pending[];

  constructor(pending: Pending[]) {
    this.#pending = pending;
  }

  /** Does the work; what it adds to `sums` belongs to the caller's tidy. */
  run(sums: GradientSums): void {
    for (let next = this.#pending.shift(); next !== undefined; next = this.#pending.shift()) settle(next, sums);
  }

  /** Frees what the second half holds, without doing the work. */
  dispose(): void {
    for (const { held } of this.#pending.splice(0)) disposeAll(held);
  }
}

/** Walks the whole tape for the gradients of `wanted`. What it adds to `sums` belongs to the caller's tidy. */
export function walk(tape: readonly TapeNode[], sums: GradientSums, wanted: readonly tf.Tensor[]): void {
  const reached = reachedFrom(wanted, tape);
  for (const node of tape.toReversed()) finish(node, namesWithin(node, reached), sums);
}

/**
 * Walks the tape for the gradients of `inputs`, and returns what is left to be done for those of `weights`. No scope
 * disposes what that holds; what is added to `sums` belongs to the caller's tidy.
 */
export function walkToInputs(
  tape: readonly TapeNode[],
  sums: GradientSums,
  inputs: readonly tf.Tensor[],
  weights: readonly tf.Tensor[],
): WeightsHalf {
  const [all, fromInputs] = [reachedFrom([...inputs, ...weights], tape), reachedFrom(inputs, tape)];
  const pending: Pending[] = [];
  try {
    for (const node of tape.toReversed()) {
      const now = namesWithin(node, fromInputs);
      const later = namesWithin(node, all).filter((name) => !now.includes(name));
      if (now.length > 0) pending.push(...inputsOfNode(node, sums, now, later));
      else if (later.length === 0) finish(node, [], sums);
      else pending.push({ held: node.saved ?? [], contributions: (sums) => wholeNode(node, later, sums) });
    }
    return new WeightsHalf(pending);
  } catch (error) {
    new WeightsHalf(pending).dispose();
    throw error;
  }
}

/** Adds `gradient`, which it takes over, to what is known for a tensor. */
export function accumulate(sums: GradientSums, id: number, gradient: tf.Tensor): void {
  const known = sums.get(id);
  sums.set(id, known === undefined ? gradient : tf.add(known, gradient));
  if (known === undefined) return;
  known.dispose();
  gradient.dispose();
}

function settle({ held, contributions }: Pending, sums: GradientSums): void {
  try {
    for (const [id, gradient] of contributions(sums)) accumulate(sums, id, gradient);
  } finally {
    disposeAll(held);
  }
}

/** The inputs of a node that are among `ids`. */
function namesWithin({ inputs }: TapeNode, ids: ReadonlySet<number>): string[] {
  return Object.keys(inputs).filter((name) => ids.has(inputs[name]!.id));
}

/** Does all work of a node, once the gradients of its outputs are complete. */
function finish(node: TapeNode, names: readonly string[], sums: GradientSums): void {
  for (const [id, gradient] of wholeNode(node, names, sums)) accumulate(sums, id, gradient);
  disposeSaved(node);
}

function wholeNode(node: TapeNode, names: readonly string[], sums: GradientSums): readonly Contribution[] {
  const dys = takeOutputs(node, sums);
  const found = names.length > 0 && dys.some((dy) => dy !== null) ? differentiate(node, dys, names) : [];
  disposeAll(dys);
  return found;
}

/** Adds the gradients of the inputs in `now` to `sums`, and returns the work for those in `later`, if there is any. */
function inputsOfNode(
  node: TapeNode,
  sums: GradientSums,
  now: readonly string[],
  later: readonly string[],
): readonly Pending[] {
  const offered = node.op?.split?.() ?? null;
  const split = offered !== null && fits(offered, now, later) ? offered : null;
  const hasGradient = node.outputs.some(({ id }) => sums.has(id));
  if (!hasGradient || (later.length === 0 && split === null)) {
    finish(node, now, sums);
    return [];
  }
  const dys = takeOutputs(node, sums);
  const divide = node.op === undefined ? divideByInput : makeAllAtOnce;
  const { found, pending } =
    split === null ? divide(node, dys, now, later) : divideBySplit(node, split, dys, now, later);
  for (const [id, gradient] of found) accumulate(sums, id, gradient);
  if (later.length > 0) return [pending];
  disposeAll(pending.held);
  return [];
}

/**
 * A node's gradients for the first half, and its work for the second. Every function that returns this takes over
 * `dys`.
 */
interface Divided {
  readonly found: readonly Contribution[];
  readonly pending: Pending;
}

/** An op of TF.js has a function for the gradient of each input. */
function divideByInput(
  node: TapeNode,
  dys: readonly (tf.Tensor | null)[],
  now: readonly string[],
  later: readonly string[],
): Divided {
  const found = differentiate(node, dys, now);
  const held = [...(node.saved ?? []), ...dys.filter((dy) => dy !== null).map((dy) => tf.keep(dy))];
  return { found, pending: { held, contributions: () => differentiate(node, dys, later) } };
}

/** Whether an op that is split into these weights and other inputs can compute just the gradients in `now` first. */
function fits({ weights }: SplitGradient, now: readonly string[], later: readonly string[]): boolean {
  return later.every((name) => weights.includes(name)) && !now.some((name) => weights.includes(name));
}

function divideBySplit(
  node: TapeNode,
  split: SplitGradient,
  dys: readonly (tf.Tensor | null)[],
  now: readonly string[],
  later: readonly string[],
): Divided {
  node.again?.restore?.();
  const given = dys.map((dy, i) => dy ?? tf.fill(node.outputs[i]!.shape, 0));
  const { gradients, kept } = tf.tidy(() => {
    const { gradients, kept } = split.backwardInputs(given, [...(node.saved ?? [])]);
    return { gradients: now.map((name) => gradients[name]!), kept };
  });
  disposeAll(given);
  disposeSaved(node);
  const held = kept.map((tensor) => tf.keep(tensor));
  const contributions = () =>
    withIds(
      node,
      later,
      tf.tidy(() => {
        const gradients = split.backwardWeights(held);
        return later.map((name) => gradients[name]!);
      }),
    );
  return { found: withIds(node, now, gradients), pending: { held, contributions } };
}

/** For a node whose gradients come from one computation: computes all of them, and keeps those for later. */
function makeAllAtOnce(
  node: TapeNode,
  dys: readonly (tf.Tensor | null)[],
  now: readonly string[],
  later: readonly string[],
): Divided {
  const all = differentiate(node, dys, [...now, ...later]);
  disposeAll(dys);
  disposeSaved(node);
  const kept = all.slice(now.length).map(([id, gradient]) => [id, tf.keep(gradient)] as const);
  // The scope that asks for a gradient owns it, so each gets a handle of its own.
  const contributions = () => kept.map(([id, gradient]) => [id, handleTo(gradient)] as const);
  return { found: all.slice(0, now.length), pending: { held: kept.map(([, gradient]) => gradient), contributions } };
}

/** The gradients of a node's outputs, which are no longer in `sums`; null for an output that has none. */
function takeOutputs({ outputs }: TapeNode, sums: GradientSums): (tf.Tensor | null)[] {
  return outputs.map(({ id }) => {
    const dy = sums.get(id) ?? null;
    sums.delete(id);
    return dy;
  });
}

/** Gradients of the named inputs of a node. Each is a handle of its own. */
function differentiate(
  node: TapeNode,
  dys: readonly (tf.Tensor | null)[],
  names: readonly string[],
): readonly Contribution[] {
  const { gradient, kernelName } = node;
  if (gradient === undefined) throw new Error(`internal: TF.js has no gradient for ${kernelName}`);
  node.again?.restore?.();
  const gradients = tf.tidy(() => {
    const byName = gradient([...dys]);
    return names.map((name) => byName[name]!());
  });
  // A gradient function may hand on a tensor it was given, or give one for two inputs.
  const known: (tf.Tensor | null)[] = [...dys, ...(node.saved ?? []), ...Object.values(node.inputs)];
  const own = gradients.map((dx) => {
    const isKnown = known.includes(dx);
    known.push(dx);
    return isKnown ? handleTo(dx) : dx;
  });
  return withIds(node, names, own);
}

function withIds(node: TapeNode, names: readonly string[], gradients: readonly tf.Tensor[]): readonly Contribution[] {
  return names.map((name, i) => [node.inputs[name]!.id, gradients[i]!]);
}
