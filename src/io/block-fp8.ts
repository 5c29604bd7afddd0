// Block-scaled FP8 weights, as DeepSeek-V3 was released: each block of a matrix (128 x 128) shares one float32 factor.
//
//   W [out, in] as F8_E4M3 and W_scale_inv [ceil(out / 128), ceil(in / 128)]: value = W * scale_inv of its block.
//
// In spite of its name, `weight_scale_inv` is what to multiply by (F 12, row 22, in `docs/facts.md`). Blocks at the
// edges may be smaller. The factors may be powers of two in 8 bits, F8_E8M0, as DeepSeek-V3.1 computes with them.

import { UserError } from '../errors.ts';
import { largestFloat8 } from './float8.ts';
import { isJsonObject, type JsonObject, showJson } from './json.ts';
import type { TensorToWrite } from './safetensors-bytes.ts';
import type { LazyTensor, StoredTensor, TensorReader } from './tensor-source.ts';

const scaleSuffix = '_scale_inv';
const fp8 = 'F8_E4M3';

/** Rows and columns of a block. */
export type BlockSize = readonly [rows: number, columns: number];

/**
 * How scales are stored. `F32`: the largest magnitude of the block over 448, as in the released weights. `F8_E8M0`: the
 * next power of two from there on, which wastes up to one bit of range.
 */
export type ScaleFormat = 'F32' | 'F8_E8M0';

/** The block size that a `config.json` names, or that of the released weights. Any other way to quantize is refused. */
export function fp8BlockSize(hfConfig: JsonObject): BlockSize {
  const quantization = hfConfig.quantization_config ?? {};
  const { quant_method: method = 'fp8', weight_block_size: size = [128, 128] } = isJsonObject(quantization)
    ? quantization
    : { quant_method: quantization };
  if (method !== 'fp8') {
    const where = `config.json: quantization_config.quant_method (${showJson(method)}) is not supported`;
    throw new UserError(`${where}: expected "fp8", or weights in BF16; convert the model to BF16 first`);
  }
  const [rows, columns] = Array.isArray(size) ? size : [];
  if (Array.isArray(size) && size.length === 2 && isSize(rows) && isSize(columns)) return [rows, columns];
  const where = `config.json: quantization_config.weight_block_size (${showJson(size)}) is not supported`;
  throw new UserError(`${where}: expected two sizes, such as [128, 128]; convert the model to BF16 first`);
}

/**
 * The same tensors with every FP8 weight multiplied by its scales when it is read; the scales themselves are gone.
 *
 * @throws UserError naming an FP8 tensor without scales, scales without their weight, and shapes that do not fit.
 */
export function dequantized(reader: TensorReader, block: BlockSize): TensorReader {
  const all = Array.from(reader.tensors.values());
  for (const tensor of all) checkTensor(tensor, reader, block);
  const plain = all.filter(({ name }) => !isScale(name, reader));
  return {
    tensors: new Map(plain.map((tensor) => [tensor.name, tensor])),
    read: (name) => readScaled(name, reader, block),
    close: () => reader.close(),
  };
}

/**
 * A matrix as FP8 in square blocks, and the tensor of its scales.
 *
 * A block of zeros has the scale 1. Source: F 4.4 in `docs/facts.md`; deepseek-ai/DeepSeek-V3 inference/kernel.py
 * (values are divided by the scale of their block, in float32, and rounded).
 *
 * Shapes: [out, in] -> [out, in] and [ceil(out / block), ceil(in / block)].
 */
export function quantizedInBlocks(
  tensor: LazyTensor,
  block: number,
  scaleFormat: ScaleFormat,
): [weight: TensorToWrite, scales: TensorToWrite] {
  const { name, shape } = tensor;
  const [rows = 0, columns = 0] = shape;
  const grid = [Math.ceil(rows / block), Math.ceil(columns / block)] as const;
  const blockOf = (at: number) => Math.floor(at / columns / block) * grid[1] + Math.floor((at % columns) / block);
  const scalesOf = (values: Float32Array) => {
    const largest = new Float32Array(grid[0] * grid[1]);
    for (const [at, value] of values.entries()) {
      largest[blockOf(at)] = Math.max(largest[blockOf(at)]!, Math.abs(value));
    }
    return largest.map((amax) => scaleOf(amax, scaleFormat));
  };
  const quantized = () => {
    const values = tensor.read();
    const scales = scalesOf(values);
    return values.map((value, at) => value / scales[blockOf(at)]!);
  };
  return [
    { name, shape, dtype: 'F8_E4M3', read: quantized },
    { name: name + scaleSuffix, shape: grid, dtype: scaleFormat, read: () => scalesOf(tensor.read()) },
  ];
}

function scaleOf(amax: number, format: ScaleFormat): number {
  if (amax === 0) return 1;
  const scale = Math.fround(amax / largestFloat8);
  return format === 'F32' ? scale : 2 ** Math.ceil(Math.log2(scale));
}

function isScale(name: string, { tensors }: TensorReader): boolean {
  return name.endsWith(scaleSuffix) && tensors.get(name.slice(0, -scaleSuffix.length))?.dtype === fp8;
}

function checkTensor({ name, shape, dtype }: StoredTensor, { tensors }: TensorReader, block: BlockSize): void {
  if (dtype !== fp8) return;
  const scale = tensors.get(name + scaleSuffix);
  if (!scale) throw new UserError(`model tensors: ${name} is FP8, but ${name}${scaleSuffix} is missing`);
  const [rows, columns] = shape;
  if (rows === undefined || columns === undefined || shape.length !== 2) {
    throw new UserError(`model tensors: ${name} is FP8 and has shape ${showJson(shape)}; expected a matrix`);
  }
  const wanted = [Math.ceil(rows / block[0]), Math.ceil(columns / block[1])];
  if (scale.shape.join() === wanted.join()) return;
  throw new UserError(
    `model tensors: ${name} ${showJson(shape)} needs scales of shape ${showJson(wanted)} for blocks of ` +
      `${block.join(' x ')}, but ${name}${scaleSuffix} has ${showJson(scale.shape)}`,
  );
}

function readScaled(name: string, reader: TensorReader, [blockRows, blockColumns]: BlockSize): Float32Array {
  const values = reader.read(name);
  const { dtype, shape } = reader.tensors.get(name) ?? { dtype: '', shape: [] };
  const [rows = 0, columns = 0] = shape;
  if (dtype !== fp8) return values;
  const scales = reader.read(name + scaleSuffix);
  const blocksPerRow = Math.ceil(columns / blockColumns);
  for (let row = 0; row < rows; row++) {
    const firstScale = Math.floor(row / blockRows) * blocksPerRow;
    for (let column = 0; column < columns; column++) {
      const at = row * columns + column;
      values[at] = values[at]! * scales[firstScale + Math.floor(column / blockColumns)]!;
    }
  }
  return values;
}

function isSize(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) > 0;
}
