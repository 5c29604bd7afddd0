// From the parameters in memory to the tensors of a Hugging Face `deepseek_v3` file and back. Names and layout are the
// same, with two exceptions, both mechanical:
//
// - In memory the routed experts of a layer are stacked, as transformers 5 holds them; in the file each has its own
//   three matrices. Letters: E experts, F expert hidden size, D hiddenSize.
//     mlp.experts.gate_up_proj [E, 2F, D]  <->  mlp.experts.E.gate_proj.weight [F, D], mlp.experts.E.up_proj.weight [F, D]
//     mlp.experts.down_proj    [E, D, F]   <->  mlp.experts.E.down_proj.weight [D, F]
// - MTP layers (index numHiddenLayers and up) share the embedding and the output head; the file repeats both in each.

import type { ModelConfig } from '../config/model-config.ts';
import { UserError } from '../errors.ts';
import type { NamedTensor } from '../tensor/named-tensor.ts';
import { elementCount, type LazyTensor, type TensorShape, type TensorSource } from './tensor-source.ts';

/** How many MTP layers there are, and the index of the first: all that the conversion needs of a config. */
export type MtpLayers = Pick<ModelConfig, 'numHiddenLayers' | 'numNextnPredictLayers'>;

/** What an import found. */
export interface ImportedTensors {
  /** In memory names and layout, in the order of the expected list; each is read when the loop over them gets to it. */
  readonly tensors: Iterable<NamedTensor>;
  /** Differences by which something is lost, but which are no error. */
  readonly warnings: string[];
}

/** One tensor of the file that lies, row-major, inside a tensor in memory. */
export interface FilePart extends TensorShape {
  /** First element in the tensor in memory. */
  readonly offset: number;
}

/**
 * The tensors of a Hugging Face file, from the parameters and buffers in memory.
 *
 * No values are copied: the results are views of the arguments.
 *
 * Example: with E = 2, `model.layers.1.mlp.experts.down_proj` [2, D, F] becomes
 * `model.layers.1.mlp.experts.0.down_proj.weight` [D, F] and `model.layers.1.mlp.experts.1.down_proj.weight` [D, F].
 */
export function toHfTensors(tensors: readonly NamedTensor[], config: MtpLayers): NamedTensor[] {
  const split = tensors.flatMap((tensor) =>
    fileParts(tensor).map(({ name, shape, offset }) => {
      return { name, shape, data: tensor.data.subarray(offset, offset + elementCount(shape)) };
    }),
  );
  const copies = Array.from(mtpCopies(config), ([name, original]) => {
    const tensor = tensors.find((candidate) => candidate.name === original);
    if (!tensor) throw new Error(`internal: ${original} is missing from the parameters`);
    return { ...tensor, name };
  });
  return [...split, ...copies];
}

/**
 * The parameters and buffers in memory, from the tensors of a Hugging Face file.
 *
 * Values are read one tensor of the file at a time. The MTP layers' copies of embedding and head may be missing; if
 * they are there and differ from the shared ones, they are dropped with a warning.
 *
 * @param expected name and shape of every parameter and buffer in memory.
 * @throws UserError listing what is missing, unexpected, or of another shape.
 */
export function fromHfTensors(
  source: TensorSource,
  config: MtpLayers,
  expected: readonly TensorShape[],
): ImportedTensors {
  checkTensors(source, expected, mtpCopies(config));
  return { tensors: assembleAll(source, expected), warnings: copyWarnings(source, config) };
}

/** The tensors of a Hugging Face file, from those of another; none of the values is read before it is asked for. */
export interface RewrittenTensors {
  /**
   * In the order of the model, with the MTP layers' copies of embedding and head at the end, whether the source has
   * them or not.
   */
  readonly tensors: LazyTensor[];
  readonly warnings: string[];
}

/**
 * The tensors that a file of this model should have, from a source with the same names; see `fromHfTensors` for what
 * may differ and what is an error.
 */
export function rewriteHfTensors(
  source: TensorSource,
  config: MtpLayers,
  expected: readonly TensorShape[],
): RewrittenTensors {
  const copies = mtpCopies(config);
  checkTensors(source, expected, copies);
  const shapes = new Map(expected.map(({ name, shape }) => [name, shape]));
  const lazy = (name: string, shape: readonly number[], original = name): LazyTensor => {
    return { name, shape, read: () => source.read(original) };
  };
  const own = expected.flatMap(fileParts).map(({ name, shape }) => lazy(name, shape));
  const repeated = Array.from(copies, ([copy, original]) => lazy(copy, shapes.get(original) ?? [], original));
  return { tensors: [...own, ...repeated], warnings: copyWarnings(source, config) };
}

/** The tensors of the file that make up one tensor in memory. */
export function fileParts({ name, shape }: TensorShape): FilePart[] {
  const experts = /^(.*\.mlp\.experts)\.(gate_up_proj|down_proj)$/.exec(name);
  const [count, rows, columns] = shape;
  if (!experts || count === undefined || rows === undefined || columns === undefined) {
    return [{ name, shape, offset: 0 }];
  }
  const projections = experts[2] === 'down_proj' ? ['down_proj'] : ['gate_proj', 'up_proj'];
  const partRows = rows / projections.length;
  return Array.from({ length: count }, (_, expert) =>
    projections.map((projection, index) => ({
      name: `${experts[1]}.${expert}.${projection}.weight`,
      shape: [partRows, columns],
      offset: (expert * rows + index * partRows) * columns,
    })),
  ).flat();
}

/** Names that only the file has, with the shared tensor each is a copy of. */
export function mtpCopies({ numHiddenLayers, numNextnPredictLayers }: MtpLayers): Map<string, string> {
  const copies = Array.from({ length: numNextnPredictLayers }, (_, depth): [string, string][] => [
    [`model.layers.${numHiddenLayers + depth}.embed_tokens.weight`, 'model.embed_tokens.weight'],
    [`model.layers.${numHiddenLayers + depth}.shared_head.head.weight`, 'lm_head.weight'],
  ]);
  return new Map(copies.flat());
}

function* assembleAll(source: TensorSource, expected: readonly TensorShape[]): Generator<NamedTensor> {
  for (const tensor of expected) yield assemble(source, tensor);
}

function copyWarnings(source: TensorSource, config: MtpLayers): string[] {
  return Array.from(mtpCopies(config))
    .filter(([copy, original]) => differs(source, copy, original))
    .map(([copy, original]) => {
      return `model tensors: ${copy} differs from ${original}; MTP modules here share it, so the copy is ignored`;
    });
}

function assemble(source: TensorSource, { name, shape }: TensorShape): NamedTensor {
  const data = new Float32Array(elementCount(shape));
  for (const part of fileParts({ name, shape })) data.set(source.read(part.name), part.offset);
  return { name, shape, data };
}

/** Whether two tensors differ in any bit: also in the sign of a zero. */
function differs(source: TensorSource, copy: string, original: string): boolean {
  if (!source.tensors.has(copy)) return false;
  const [a, b] = [bitsOf(source.read(copy)), bitsOf(source.read(original))];
  return a.some((bits, i) => bits !== b[i]);
}

function bitsOf({ buffer, byteOffset, length }: Float32Array): Uint32Array {
  return new Uint32Array(buffer, byteOffset, length);
}

/**
 * The tensors that the file of a model has, without the MTP layers' copies.
 *
 * @throws UserError if there are far more than the source has.
 */
export function expectedParts(source: Pick<TensorSource, 'tensors'>, expected: readonly TensorShape[]): FilePart[] {
  checkCount(source, expected);
  return expected.flatMap(fileParts);
}

function checkTensors(
  source: TensorSource,
  expected: readonly TensorShape[],
  copies: ReadonlyMap<string, string>,
): void {
  const parts = expectedParts(source, expected);
  const shapes = new Map(parts.map(({ name, shape }) => [name, shape]));
  for (const [copy, original] of copies) shapes.set(copy, shapes.get(original) ?? []);
  const missing = parts.filter(({ name }) => !source.tensors.has(name)).map(describe);
  // A model without shared experts has empty tensors for one in files of transformers.
  const unexpected = Array.from(source.tensors.values()).filter(({ name, shape }) => {
    return !shapes.has(name) && elementCount(shape) > 0;
  });
  const misshapen = Array.from(source.tensors.values()).flatMap(({ name, shape }) => {
    const wanted = shapes.get(name);
    const isRight = !wanted || wanted.join() === shape.join();
    return isRight ? [] : [`${name} (expected ${show(wanted)}, found ${show(shape)})`];
  });
  const problems = [
    ...list(misshapen, 'of another shape'),
    ...list(missing, 'missing'),
    ...list(unexpected.map(describe), 'unexpected'),
  ];
  if (problems.length === 0) return;
  throw new UserError(`model tensors: ${problems.join('; ')}; the weights and config.json do not belong together`);
}

/** Checks the number of tensors before the list of names is made: a config can ask for a thousand million experts. */
function checkCount({ tensors }: Pick<TensorSource, 'tensors'>, expected: readonly TensorShape[]): void {
  const count = expected.reduce(
    (sum, { name, shape }) => sum + (name.includes('.mlp.experts.') ? (shape[0] ?? 1) : 1),
    0,
  );
  if (count <= 2 * tensors.size + 10_000) return;
  throw new UserError(
    `model tensors: config.json describes at least ${count} tensors, and there are ${tensors.size}; ` +
      'the weights and config.json do not belong together',
  );
}

/** `3 missing: a [2], b [3], c [5]`, cut after five; nothing for an empty list. */
function list(items: readonly string[], what: string): string[] {
  return items.length === 0 ? [] : [`${items.length} ${what}: ${firstFew(items)}`];
}

/** `a, b, c, d, e, and 2 more`. */
export function firstFew(items: readonly string[]): string {
  return [...items.slice(0, 5), ...(items.length > 5 ? [`and ${items.length - 5} more`] : [])].join(', ');
}

function describe({ name, shape }: TensorShape): string {
  return `${name} ${show(shape)}`;
}

function show(shape: readonly number[]): string {
  return `[${shape.join(', ')}]`;
}
