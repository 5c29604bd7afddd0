// The description of an op, which is the same for every backend. The reference, the kernels of all backends with their
// gradients, and the tests take their names and shapes from here, so a kernel that uses another name does not compile.

import type { tf } from '../tensor/tf.ts';
import { type DtypeOf, LetteredShapes, type LettersOf, type ShapeOf, type Shapes } from './shape-letters.ts';

/** Settings of an op that are no tensors, as a type: `attributes<{ eps: number }>()`. */
export interface Attributes<T extends object> {
  readonly type?: T;
}

export const attributes = <T extends object>(): Attributes<T> => ({});

/** The description of an op; see `src/ops/shape-letters.ts` for the shapes. */
export interface OpSpec {
  /** The name of the kernel in TF.js; the gradient kernel has this name with `Grad` after it. */
  readonly name: string;
  readonly inputs: Shapes;
  /** Inputs that have no gradient, such as tables. Integers never have one. */
  readonly constants?: readonly string[];
  readonly attrs?: Attributes<object>;
  readonly outputs: Shapes;
  /**
   * Inputs of which the gradient reads the shape alone, each with an output of that shape: they are not kept, and the
   * gradient kernel finds the gradient of the output in their places.
   */
  readonly unread?: Readonly<Record<string, string>>;
  /** Outputs that the gradient reads again. */
  readonly savedOutputs?: readonly string[];
  /**
   * Other tensors that a kernel makes for its gradient; references do not make them. Those that may be absent come
   * last.
   */
  readonly saved?: Shapes;
  /**
   * Inputs that the gradient kernel does not read, so that they need not be kept for it. None may be absent; the other
   * inputs and the outputs decide all letters.
   */
  readonly unsaved?: readonly string[];
  /** Inputs whose gradients a backward pass may compute later than those of the other inputs. */
  readonly weights?: readonly string[];
  /**
   * Tensors that a kernel keeps for the gradients of the weights when it makes the others first. They decide all their
   * letters.
   */
  readonly kept?: Shapes;
}

type Keys<S extends Shapes> = keyof S & string;
type Always<S extends Shapes> = { [K in Keys<S> as K extends `${string}?` ? never : K]: S[K] };
type Sometimes<S extends Shapes> = { [K in Keys<S> as K extends `${infer Name}?` ? Name : never]: S[K] };

type SavedShapes<S extends OpSpec> = S['saved'] extends Shapes ? S['saved'] : Record<never, string>;
type SavedOutputs<S extends OpSpec> = S['savedOutputs'] extends readonly string[] ? S['savedOutputs'][number] : never;
type KeptShapes<S extends OpSpec> = S['kept'] extends Shapes ? S['kept'] : Record<never, string>;
type Constants<S extends OpSpec> = S['constants'] extends readonly string[] ? S['constants'][number] : never;
type Unsaved<S extends OpSpec> = S['unsaved'] extends readonly string[] ? S['unsaved'][number] : never;
type Weights<S extends OpSpec> = S['weights'] extends readonly string[] ? S['weights'][number] : never;

type DifferentiableShapes<S extends OpSpec> = {
  [K in Keys<S['inputs']> as K extends Constants<S> | `${Constants<S>}?`
    ? never
    : DtypeOf<S['inputs'][K]> extends 'int32'
      ? never
      : K]: S['inputs'][K];
};

type WeightShapes<S extends OpSpec> = Pick<S['inputs'], Weights<S> & Keys<S['inputs']>>;
type ShapesOfOthers<S extends OpSpec> = Omit<DifferentiableShapes<S>, Weights<S>>;

/** The inputs that a gradient kernel gets. */
export type ReadOperands<S extends OpSpec> = Omit<Operands<S['inputs']>, Unsaved<S>>;

/** Whether any input has a gradient. */
export type HasGradient<S extends OpSpec> = [keyof DifferentiableShapes<S>] extends [never] ? false : true;
/** Whether the gradients of some inputs can be left for later. */
export type HasWeights<S extends OpSpec> = [Weights<S>] extends [never] ? false : true;

interface TensorsByRank {
  readonly 0: tf.Scalar;
  readonly 1: tf.Tensor1D;
  readonly 2: tf.Tensor2D;
  readonly 3: tf.Tensor3D;
  readonly 4: tf.Tensor4D;
}

type TensorOf<S extends string> = ShapeOf<S>['length'] extends infer Rank extends keyof TensorsByRank
  ? TensorsByRank[Rank]
  : tf.Tensor;

/** Tensors by name, as TypeScript knows them. */
export type Tensors<S extends Shapes> = { readonly [K in keyof Always<S>]: TensorOf<Always<S>[K]> } & {
  readonly [K in keyof Sometimes<S>]?: TensorOf<Sometimes<S>[K] & string> | undefined;
};

/** A tensor as a kernel gets it. */
export interface Operand<Shape extends number[] = number[]> {
  readonly dataId: object;
  readonly shape: Shape;
  readonly dtype: tf.DataType;
}

export type Operands<S extends Shapes> = { readonly [K in keyof Always<S>]: Operand<ShapeOf<Always<S>[K]>> } & {
  readonly [K in keyof Sometimes<S>]: Operand<ShapeOf<Sometimes<S>[K] & string>> | undefined;
};

/** Tensors that a kernel makes. */
export type Made<S extends Shapes> = { readonly [K in keyof Always<S>]: tf.TensorInfo } & {
  readonly [K in keyof Sometimes<S>]?: tf.TensorInfo | undefined;
};

export type AttributesOf<S extends Pick<OpSpec, 'attrs'>> =
  S['attrs'] extends Attributes<infer T> ? T : Record<never, never>;

type Sizes<S extends Shapes> = Readonly<Record<LettersOf<S[keyof S]>, number>>;

/** The lengths that the letters of the inputs stand for. */
export type SizesOf<S extends OpSpec> = Sizes<S['inputs']>;

/** What a kernel makes. */
export type Results<S extends OpSpec> = Made<S['outputs']> & Made<SavedShapes<S>>;

/** What a gradient kernel finds saved, and makes: one gradient for each input that has one. */
export type SavedOperands<S extends OpSpec> = Operands<SavedShapes<S>> &
  Pick<Operands<S['outputs']>, SavedOutputs<S> & keyof Operands<S['outputs']>>;
export type InputGradients<S extends OpSpec> = Made<DifferentiableShapes<S>>;

/** Gradients of the other inputs, where those of the weights are left for later; and what the later kernel finds. */
export type OtherGradients<S extends OpSpec> = Made<ShapesOfOthers<S>>;
export type WeightGradients<S extends OpSpec> = Made<WeightShapes<S>>;
export type Kept<S extends OpSpec> = Made<KeptShapes<S>>;
export type KeptOperands<S extends OpSpec> = Operands<KeptShapes<S>>;
export type SizesOfKept<S extends OpSpec> = Sizes<KeptShapes<S>>;

/** An op, ready to be run and to be given kernels. */
export interface Op<S extends OpSpec = OpSpec> {
  readonly name: string;
  readonly spec: S;
  readonly inputs: LetteredShapes;
  readonly outputs: LetteredShapes;
  readonly saved: LetteredShapes;
  /** The gradients of the inputs that have one, under the names of the inputs. */
  readonly gradients: LetteredShapes;
  /** The gradients of the weights, and of all other inputs. */
  readonly weights: LetteredShapes;
  readonly others: LetteredShapes;
  readonly kept: LetteredShapes;
  /** Inputs that the gradient reads, and outputs, where not all inputs are read. */
  readonly read: LetteredShapes | null;
  /** Names of all tensors that a kernel makes. */
  readonly resultNames: readonly string[];
  /** Names of all tensors that the gradient gets, and their places in `resultNames`. */
  readonly savedNames: readonly string[];
  readonly savedAt: readonly number[];
  /** For an input of which the gradient reads the shape alone, the place in `outputs` of what stands for it. */
  readonly unread: Readonly<Record<string, number>>;
}

/** What its own inputs and outputs are called, for lists of names in a description. */
interface NamesOf<S extends OpSpec> {
  readonly constants?: readonly (keyof Operands<S['inputs']>)[];
  readonly savedOutputs?: readonly (keyof S['outputs'])[];
  readonly unread?: { readonly [K in keyof Operands<S['inputs']>]?: keyof S['outputs'] };
  readonly unsaved?: readonly (keyof Operands<S['inputs']>)[];
  readonly weights?: readonly (keyof DifferentiableShapes<S>)[];
}

const withoutMark = (key: string) => (key.endsWith('?') ? key.slice(0, -1) : key);

/** Defines an op. A shape that cannot be understood is an error at once. */
export function defineOp<const S extends OpSpec>(spec: S & NamesOf<S>): Op<S> {
  const { name, constants = [], saved = {}, savedOutputs = [], weights = [], kept = {} }: OpSpec = spec;
  const { unread = {}, unsaved = [] }: OpSpec = spec;
  const mayBeAbsent = Object.keys(saved)
    .slice(0, -1)
    .concat(Object.keys(kept))
    .filter((key) => key.endsWith('?'));
  if (mayBeAbsent.length > 0) throw new Error(`internal: only the last of what ${name} saves may be absent`);
  if (weights.length > 0 && weights.length === Object.keys(kept).length) {
    throw new Error(`internal: what ${name} keeps has to be told from gradients by its number`);
  }
  const withGradient = Object.entries<string>(spec.inputs).filter(
    ([key, shape]) => !constants.includes(withoutMark(key)) && !/^int32\b/.test(shape),
  );
  const isWeight = ([key]: readonly [string, string]) => weights.includes(key);
  const known = new Set<string>();
  const shapesOf = (what: string, shapes: Shapes) => new LetteredShapes(what, shapes, known);
  const inputs = shapesOf(name, spec.inputs);
  const outputs = shapesOf(`outputs of ${name}`, spec.outputs);
  const savedShapes = shapesOf(`saved by ${name}`, saved);
  const resultNames = [...outputs.names, ...savedShapes.names];
  const savedNames = [...savedOutputs, ...savedShapes.names];
  const read = Object.fromEntries(Object.entries<string>(spec.inputs).filter(([key]) => !unsaved.includes(key)));
  const gradientsOf = (isMeant: (entry: [string, string]) => boolean) =>
    shapesOf(`gradients of ${name}`, Object.fromEntries(withGradient.filter(isMeant)));
  return {
    name,
    spec,
    inputs,
    outputs,
    saved: savedShapes,
    gradients: gradientsOf(() => true),
    weights: gradientsOf(isWeight),
    others: gradientsOf((entry) => !isWeight(entry)),
    kept: new LetteredShapes(`kept by ${name}`, kept, new Set()),
    read: unsaved.length === 0 ? null : new LetteredShapes(`read by ${name}`, { ...read, ...spec.outputs }, new Set()),
    resultNames,
    savedNames,
    savedAt: savedNames.map((saved) => resultNames.indexOf(saved)),
    unread: Object.fromEntries(Object.entries(unread).map(([input, output]) => [input, outputs.names.indexOf(output)])),
  };
}
