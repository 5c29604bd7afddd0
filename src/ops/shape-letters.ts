// Shapes in letters: 'B T H P+R' says that a tensor has four axes, that the last is as long as P and R together, and
// that tensors with the same letters agree in them.
//
//   'N D'         two axes                        'int32 N K'   whole numbers (float32 where nothing is said)
//   ''            a scalar                        'N... D'      any axes before D; N is the product of their lengths
//   'E 2*F D'     sums of products of letters     'B H T 2'     a fixed length
//
// A letter that no input has gets its length from the first result that has it.

/** Names of tensors, and the shape of each; `?` behind a name: it may be absent. */
export type Shapes = Readonly<Record<string, string>>;

type AxesOf<S extends string> = S extends 'int32' ? '' : S extends `int32 ${infer Axes}` ? Axes : S;

type Split<A extends string> = A extends ''
  ? []
  : A extends `${infer First} ${infer Rest}`
    ? [First, ...Split<Rest>]
    : [A];

type Lengths<Axes> = Axes extends [infer First, ...infer Rest]
  ? First extends `${string}...`
    ? [...number[], ...Lengths<Rest>]
    : [number, ...Lengths<Rest>]
  : [];

/** The shape of a tensor as TypeScript knows it: 'N D' -> [number, number], 'N... D' -> [...number[], number]. */
export type ShapeOf<S extends string> = Lengths<Split<AxesOf<S>>>;

type LettersIn<Axis> = Axis extends `${infer Left}...`
  ? Left
  : Axis extends `${infer Left}+${infer Right}` | `${infer Left}*${infer Right}`
    ? LettersIn<Left> | LettersIn<Right>
    : Axis extends `${number}`
      ? never
      : Axis;

/** The letters of a shape: 'B T P+R' -> 'B' | 'T' | 'P' | 'R'. */
export type LettersOf<S extends string> = LettersIn<Split<AxesOf<S>>[number]>;

export type DtypeOf<S extends string> = S extends 'int32' | `int32 ${string}` ? 'int32' : 'float32';

/** Lengths by letter. */
export type Sizes = Record<string, number>;

/** The part of a tensor that is checked. */
export interface Shaped {
  readonly shape: readonly number[];
  readonly dtype: string;
}

/** The product of a number and some letters. */
interface Term {
  readonly factor: number;
  readonly letters: readonly string[];
}

/** The place of an axis, and its length. */
interface Axis {
  readonly tensor: string;
  /** The place of that tensor among the shapes. */
  readonly at: number;
  /**
   * The place of the axis, counted from the end: the last axis is 1. The axes of 'N...' go on from there to the front.
   */
  readonly fromEnd: number;
  readonly isLeading: boolean;
  /** The terms whose sum is its length. */
  readonly terms: readonly Term[];
  /** The letter, if the length is just one letter. */
  readonly letter: string | null;
}

interface Shape {
  readonly name: string;
  readonly isOptional: boolean;
  readonly dtype: 'int32' | 'float32';
  readonly axes: readonly Axis[];
  /** The shape as it was written, for messages. */
  readonly text: string;
}

const isNumber = (text: string) => /^\d+$/.test(text);

function parseTerm(text: string): Term {
  const factors = text.split('*');
  const wrong = factors.find((factor) => !isNumber(factor) && !/^[A-Z]$/.test(factor));
  if (wrong !== undefined)
    throw new Error(`internal: expected a capital letter or a number in a shape, found '${text}'`);
  const factor = factors.filter(isNumber).reduce((product, number) => product * Number(number), 1);
  return { factor, letters: factors.filter((factor) => !isNumber(factor)) };
}

function parseAxis(tensor: string, at: number, text: string, fromEnd: number): Axis {
  const isLeading = text.endsWith('...');
  const terms = text.replace('...', '').split('+').map(parseTerm);
  const [{ factor, letters }] = terms as [Term];
  const letter = terms.length === 1 && factor === 1 && letters.length === 1 ? letters[0]! : null;
  return { tensor, at, fromEnd, isLeading, terms, letter };
}

function parseShape(key: string, shape: string, at: number): Shape {
  const isOptional = key.endsWith('?');
  const name = isOptional ? key.slice(0, -1) : key;
  const words = shape.split(' ').filter((word) => word !== '');
  const dtype = words[0] === 'int32' ? 'int32' : 'float32';
  const texts = dtype === 'int32' ? words.slice(1) : words;
  const axes = texts.map((text, i) => parseAxis(name, at, text, texts.length - i));
  if (axes.slice(1).some(({ isLeading }) => isLeading)) {
    throw new Error(`internal: only the first axis of a shape may be any number of axes, found '${shape}'`);
  }
  return { name, isOptional, dtype, axes, text: `${dtype} [${texts.join(', ')}]` };
}

/** Letters of the axis that are not in `known`. */
const unknownIn = ({ terms }: Axis, known: ReadonlySet<string>) =>
  terms.flatMap(({ letters }) => letters).filter((letter) => !known.has(letter));

/**
 * The axes in an order in which each has at most one letter that those before it do not decide: single letters first.
 */
function inOrder(axes: readonly Axis[], known: Set<string>): Axis[] {
  const ordered: Axis[] = [];
  const rest = [...axes.filter(({ letter }) => letter !== null), ...axes.filter(({ letter }) => letter === null)];
  while (rest.length > 0) {
    const next = rest.findIndex((axis) => unknownIn(axis, known).length <= 1);
    if (next < 0) throw new Error(`internal: shapes do not decide the letters of ${rest[0]!.tensor}`);
    const [axis] = rest.splice(next, 1) as [Axis];
    for (const letter of unknownIn(axis, known)) known.add(letter);
    ordered.push(axis);
  }
  return ordered;
}

/** Whether a tensor has the type and the number of axes. */
function isLike({ dtype, shape }: Shaped, wanted: Shape): boolean {
  const { length } = wanted.axes;
  const hasRank = wanted.axes[0]?.isLeading ? shape.length >= length - 1 : shape.length === length;
  return hasRank && dtype === wanted.dtype;
}

function lengthOf({ fromEnd, isLeading }: Axis, shape: readonly number[]): number {
  if (!isLeading) return shape[shape.length - fromEnd]!;
  let product = 1;
  for (let i = 0; i <= shape.length - fromEnd; i++) product *= shape[i]!;
  return product;
}

/** Whether the axis can be `length` long, given the known sizes; if one letter is unknown, its size is set. */
function agrees({ terms, letter }: Axis, length: number, sizes: Sizes): boolean {
  if (letter === null) return solve(terms, length, sizes);
  const size = sizes[letter];
  if (size === undefined) sizes[letter] = length;
  return size === undefined || size === length;
}

function solve(terms: readonly Term[], length: number, sizes: Sizes): boolean {
  let [rest, cofactor] = [length, 0];
  let unknown: string | null = null;
  for (const { factor, letters } of terms) {
    let product = factor;
    for (const letter of letters) product *= sizes[letter] ?? 1;
    const open = letters.find((letter) => sizes[letter] === undefined);
    if (open === undefined) rest -= product;
    else [unknown, cofactor] = [open, product];
  }
  if (unknown === null) return rest === 0;
  const size = cofactor === 0 ? 0 : rest / cofactor;
  sizes[unknown] = size;
  return Number.isInteger(size) && size >= 0;
}

/** The shapes of several tensors that share letters. */
export class LetteredShapes {
  readonly names: readonly string[];
  readonly #what: string;
  readonly #shapes: readonly Shape[];
  readonly #axes: readonly Axis[];

  /**
   * `what` begins the messages of errors. `known` are the letters whose sizes are decided before. The letters that
   * these shapes decide are added to it; a tensor that may be absent decides none.
   */
  constructor(what: string, shapes: Shapes, known: Set<string>) {
    this.#what = what;
    this.#shapes = Object.entries(shapes).map(([key, shape], at) => parseShape(key, shape, at));
    this.names = this.#shapes.map(({ name }) => name);
    const axesOf = (isOptional: boolean) =>
      this.#shapes.filter((shape) => shape.isOptional === isOptional).flatMap(({ axes }) => axes);
    this.#axes = [...inOrder(axesOf(false), known), ...inOrder(axesOf(true), new Set(known))];
  }

  /** Checks tensors against the shapes and adds what they decide to `sizes`. */
  measure(tensors: Readonly<Record<string, Shaped | undefined>>, sizes: Sizes): void {
    const found: (Shaped | undefined)[] = [];
    for (const shape of this.#shapes) {
      const tensor = tensors[shape.name];
      if (tensor === undefined ? !shape.isOptional : !isLike(tensor, shape)) throw this.#mismatch(tensors);
      found.push(tensor);
    }
    for (const axis of this.#axes) {
      const tensor = found[axis.at];
      if (tensor !== undefined && !agrees(axis, lengthOf(axis, tensor.shape), sizes)) throw this.#mismatch(tensors);
    }
  }

  #mismatch(tensors: Readonly<Record<string, Shaped | undefined>>): Error {
    const expected = this.#shapes.map(({ name, text }) => `${name} ${text}`);
    const found = this.names.map((name) => {
      const tensor = tensors[name];
      return `${name} ${tensor === undefined ? 'absent' : `${tensor.dtype} [${tensor.shape.join(', ')}]`}`;
    });
    return new Error(`${this.#what}: expected ${expected.join(', ')}; found ${found.join(', ')}`);
  }
}
