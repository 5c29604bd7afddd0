// What a backend implements: for each op that it computes itself, a function for the values, and one for the gradients
// or one for each half of the gradients.

import type {
  AttributesOf,
  HasGradient,
  HasWeights,
  InputGradients,
  Kept,
  KeptOperands,
  Operands,
  OpSpec,
  OtherGradients,
  ReadOperands,
  Results,
  SavedOperands,
  SizesOf,
  SizesOfKept,
  WeightGradients,
} from './define-op.ts';

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

/** What the second half of a gradient is told besides what the first has kept. */
export interface KeptCall<S extends OpSpec> {
  readonly attrs: AttributesOf<S>;
  readonly sizes: SizesOfKept<S>;
}

interface Forward<S extends OpSpec, Backend> {
  /** Makes the outputs, and the tensors that the gradient needs. */
  readonly forward: (backend: Backend, inputs: Operands<S['inputs']>, call: Call<S>) => Results<S>;
}

interface Gradient<S extends OpSpec, Backend> {
  /** Makes the gradient of each input that has one, under its name. */
  readonly gradient: (backend: Backend, inputs: ReadOperands<S>, call: GradientCall<S>) => InputGradients<S>;
}

/**
 * The gradients of the weights apart from the others, for a backward pass that leaves them for later. Both halves
 * together give the bits of `gradient` and compute nothing twice.
 */
interface Halves<S extends OpSpec, Backend> {
  /**
   * Makes the gradients of all inputs but the weights, and what the other half needs; or else all gradients, if it
   * cannot split them.
   */
  readonly gradientInputs: (
    backend: Backend,
    inputs: ReadOperands<S>,
    call: GradientCall<S>,
  ) =>
    | { readonly gradients: OtherGradients<S>; readonly kept: Kept<S> }
    | { readonly gradients: InputGradients<S>; readonly kept: null };
  /** Makes the gradients of the weights. */
  readonly gradientWeights: (backend: Backend, kept: KeptOperands<S>, call: KeptCall<S>) => WeightGradients<S>;
}

type NoHalves = { readonly [K in keyof Halves<OpSpec, unknown>]?: never };

/**
 * How a backend computes an op. Its inputs have been checked against the op's shapes; what it makes is checked after
 * it.
 *
 * Ownership: what a kernel returns belongs to the caller, and one tensor may be returned under several names. What else
 * it makes it must dispose.
 */
export type Kernels<S extends OpSpec, Backend> =
  HasGradient<S> extends true
    ? Forward<S, Backend> &
        Gradient<S, Backend> &
        (HasWeights<S> extends true ? Halves<S, Backend> | NoHalves : unknown)
    : Forward<S, Backend>;
