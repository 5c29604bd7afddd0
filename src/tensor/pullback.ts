// Forward now, backward later: a computation whose gradients can be asked for at any time, and in two halves.
//
// Each pullback holds its own part of the tape and what the ops there have saved, so any number of them can be alive,
// and be differentiated in any order: a pipeline's schedule keeps one for each micro-batch in flight, and a
// recomputation makes one inside the gradient of another.

import { accumulate, type GradientSums, type WeightsHalf, walk, walkToInputs } from './backward.ts';
import { handleTo } from './saved-handles.ts';
import { disposeAll, disposeSaved, recordTape, type TapeNode } from './tape.ts';
import { tf } from './tf.ts';

/**
 * Gradients of outputs, in the structure of the outputs: `{ hidden: dy }` for `{ hidden, routing }`. What is left out
 * has none.
 */
export type OutputGradients<T> = T extends tf.Tensor
  ? tf.Tensor
  : T extends object
    ? { readonly [K in keyof T]?: OutputGradients<T[K]> | undefined }
    : never;

/** Gradients in the order in which inputs and weights were given; they belong to the caller. */
export interface PullbackGradients {
  readonly inputs: tf.Tensor[];
  readonly weights: tf.Tensor[];
}

/**
 * A computation that has run and can still be differentiated, once: by `backward`, or by `backwardInputs` and, at any
 * time after it, `backwardWeights`. Both ways give the same bits.
 *
 * `dys` are the gradients of the outputs, float32 and of their shapes; they stay the caller's. An input, or a weight,
 * that the outputs with a gradient do not depend on gets zeros.
 *
 * If an input is also one of the outputs, the sum of its gradients begins with the gradient given for that output. So a
 * tensor that is used again later gets the same bits as if all its uses were in one computation, where the gradient of
 * the last use is the first term.
 *
 * Ownership: it holds activations from the forward pass on. The call that completes the gradients frees them.
 * Without such a call, `release` must be called, or the activations stay in memory, whatever scope they were made in.
 *
 * @throws Error that says what to do when it is differentiated again, or after `release`, or when `dys` do not fit.
 */
export interface Pullback<T> {
  /**
   * What the computation returned. New tensors in it belong to the caller (or its tidy) and may go before the pullback.
   */
  readonly value: T;
  /** Gradients of everything. */
  backward(dys: OutputGradients<T>): PullbackGradients;
  /**
   * Gradients of the inputs. Gradients of weights are not computed yet, except where a kernel makes one together with
   * that of an input and cannot be split. What the gradients of the weights need is kept, and the rest is freed.
   * Without inputs there is nothing to do yet.
   */
  backwardInputs(dys: OutputGradients<T>): tf.Tensor[];
  /** Gradients of the weights, after `backwardInputs`. */
  backwardWeights(): tf.Tensor[];
  /** Frees what is held, without gradients; does nothing when nothing is. */
  release(): void;
}

/**
 * Runs `f` and keeps what its gradients need. A generalisation of `valueAndGrads` to outputs of any number and shape.
 *
 * `inputs` are given to `f`; they have to be float32, for others have no gradient: `f` reads those from its own scope.
 * `weights` are what it uses besides, parameters mostly; other tensors are constants. Weights that change before the
 * backward pass count as they were.
 *
 * Tensors that `f` makes and does not return are disposed or held by the pullback, except those it passes to `tf.keep`.
 * Not to be called inside another computation that is being differentiated; inside its gradient it may be.
 *
 * ```ts
 * const pass = pullback((x) => block.apply(x, attend), [x], [...block.parameters.values()]);
 * const [dx] = pass.backwardInputs({ hidden: dHidden }); // what the stage before waits for
 * const dWeights = pass.backwardWeights(); // when there is time
 * ```
 *
 * The names are those of reverse mode elsewhere (`jax.vjp`); the two halves are those of zero-bubble schedules,
 * arXiv:2401.10241 section 2.
 */
export function pullback<I extends tf.Tensor[], T>(
  f: (...inputs: NoInfer<I>) => T,
  inputs: readonly [...I],
  weights: readonly tf.Variable[] = [],
): Pullback<T> {
  refuseInputs(inputs, weights);
  const { value, tape } = recordTape(() => f(...inputs));
  return new TapePullback(value, tape, inputs, weights);
}

function refuseInputs(inputs: readonly tf.Tensor[], weights: readonly tf.Variable[]): void {
  for (const [i, { dtype }] of inputs.entries()) {
    if (dtype === 'float32') continue;
    throw new Error(`pullback: input ${i} is ${dtype}, which has no gradient; let the function read it from its scope`);
  }
  const all = [...inputs, ...weights];
  if (new Set(all.map(({ id }) => id)).size < all.length) {
    throw new Error('pullback: a tensor is named twice among inputs and weights; name it once');
  }
}

class TapePullback<T> implements Pullback<T> {
  readonly value: T;
  readonly #inputs: readonly tf.Tensor[];
  readonly #weights: readonly tf.Variable[];
  /** The tape; null after the walk over it. */
  #tape: readonly TapeNode[] | null;
  /** The second half of the walk, between the two calls that make the halves; null otherwise. */
  #rest: { readonly half: WeightsHalf; readonly sums: GradientSums } | null = null;
  #isReleased = false;

  constructor(value: T, tape: readonly TapeNode[], inputs: readonly tf.Tensor[], weights: readonly tf.Variable[]) {
    this.value = value;
    this.#tape = tape;
    this.#inputs = inputs;
    this.#weights = weights;
  }

  backward(dys: OutputGradients<T>): PullbackGradients {
    const given = pairs(this.value, dys, 'the output');
    const tape = this.#takeTape();
    try {
      const all = [...this.#inputs, ...this.#weights];
      const gradients = tf.tidy(() => {
        const sums = firstSums(given);
        walk(tape, sums, all);
        return takeAll(sums, all);
      });
      return { inputs: gradients.slice(0, this.#inputs.length), weights: gradients.slice(this.#inputs.length) };
    } finally {
      for (const node of tape) disposeSaved(node);
    }
  }

  backwardInputs(dys: OutputGradients<T>): tf.Tensor[] {
    const given = pairs(this.value, dys, 'the output');
    const tape = this.#takeTape();
    try {
      return tf.tidy(() => {
        const sums = firstSums(given);
        const half = walkToInputs(tape, sums, this.#inputs, this.#weights);
        const gradients = takeAll(sums, this.#inputs);
        for (const sum of sums.values()) tf.keep(sum);
        this.#rest = { half, sums };
        return gradients;
      });
    } catch (error) {
      for (const node of tape) disposeSaved(node);
      throw error;
    }
  }

  backwardWeights(): tf.Tensor[] {
    const rest = this.#rest;
    if (rest === null) throw this.#nothingLeft();
    this.#rest = null;
    try {
      return tf.tidy(() => {
        // What a scope is to free must not be marked as kept.
        const sums = new Map(Array.from(rest.sums, ([id, sum]) => [id, handleTo(sum)]));
        rest.half.run(sums);
        return takeAll(sums, this.#weights);
      });
    } finally {
      disposeRest(rest);
    }
  }

  release(): void {
    for (const node of this.#tape ?? []) disposeSaved(node);
    if (this.#rest !== null) disposeRest(this.#rest);
    this.#tape = null;
    this.#rest = null;
    this.#isReleased = true;
  }

  #takeTape(): readonly TapeNode[] {
    const tape = this.#tape;
    if (tape === null) throw this.#nothingLeft();
    this.#tape = null;
    return tape;
  }

  #nothingLeft(): Error {
    if (this.#isReleased) return new Error('pullback: it was released; call pullback() again to differentiate');
    if (this.#tape !== null) {
      return new Error('pullback: backwardWeights() goes on after backwardInputs(dys); call that first');
    }
    if (this.#rest !== null) {
      return new Error('pullback: the gradients of the inputs were made; call backwardWeights() for the others');
    }
    return new Error('pullback: it was differentiated; call pullback() again for other gradients');
  }
}

function disposeRest({ half, sums }: { readonly half: WeightsHalf; readonly sums: GradientSums }): void {
  half.dispose();
  disposeAll([...sums.values()]);
}

/** Each output that has a gradient, with its gradient. `where` names the output in messages. */
function pairs(value: unknown, dys: unknown, where: string): (readonly [output: tf.Tensor, dy: tf.Tensor])[] {
  if (dys === undefined) return [];
  if (value instanceof tf.Tensor || dys instanceof tf.Tensor) {
    if (!(value instanceof tf.Tensor) || !(dys instanceof tf.Tensor)) {
      throw new Error(
        `pullback: ${where} and its gradient are not both tensors; give gradients as the outputs are laid out`,
      );
    }
    const fits = value.dtype === 'float32' && dys.dtype === 'float32' && value.shape.join() === dys.shape.join();
    if (fits) return [[value, dys]];
    const [expected, found] = [value, dys].map(({ dtype, shape }) => `${dtype} [${shape}]`);
    throw new Error(
      `pullback: ${where} is ${expected} and its gradient ${found}; both have to be float32 and of the same shape`,
    );
  }
  const outputs = value as Readonly<Record<string, unknown>>;
  return Object.entries(dys as object).flatMap(([key, dy]) => pairs(outputs[key], dy, `${where} ${key}`));
}

function firstSums(given: readonly (readonly [output: tf.Tensor, dy: tf.Tensor])[]): GradientSums {
  const sums: GradientSums = new Map();
  for (const [{ id }, dy] of given) accumulate(sums, id, handleTo(dy));
  return sums;
}

/** The gradients of `tensors`, which are no longer in `sums`. */
function takeAll(sums: GradientSums, tensors: readonly tf.Tensor[]): tf.Tensor[] {
  return tensors.map(({ id, shape }) => {
    const gradient = sums.get(id) ?? tf.fill(shape, 0);
    sums.delete(id);
    return gradient;
  });
}
