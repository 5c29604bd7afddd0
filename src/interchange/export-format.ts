// How the weights of a folder are stored.

import type { ModelConfig } from '../config/model-config.ts';
import { parameterShapes } from '../config/parameter-shapes.ts';
import { quantizedInBlocks, type ScaleFormat } from '../io/block-fp8.ts';
import type { FloatFormat } from '../io/float-formats.ts';
import type { JsonObject } from '../io/json.ts';
import type { TensorToWrite } from '../io/safetensors-bytes.ts';
import type { LazyTensor } from '../io/tensor-source.ts';

/**
 * The form of DeepSeek-V3's release: the projections of attention and feed-forward are E4M3, each block of
 * `block` x `block` with a scale of its own, and everything else is BF16.
 */
export interface Fp8Format {
  /** 128 in the release. */
  readonly block: number;
  /** `F32` in the release. */
  readonly scales: ScaleFormat;
}

/** One format for all weights, or 8 bits for most of them. */
export type ExportFormat = FloatFormat | Fp8Format;

export const isFp8 = (format: ExportFormat): format is Fp8Format => typeof format === 'object';

/** The format of what is not quantized. */
export const plainFormat = (format: ExportFormat): FloatFormat => (isFp8(format) ? 'BF16' : format);

/** For people. */
export const formatName = (format: ExportFormat): string =>
  isFp8(format) ? `FP8 in blocks of ${format.block} x ${format.block}, other tensors BF16` : format;

/** Powers of two have a name in `quantization_config`; float32, which everybody expects, has none in the release. */
const scaleNames: Readonly<Record<ScaleFormat, JsonObject>> = { F32: {}, F8_E8M0: { scale_fmt: 'ue8m0' } };

/**
 * The weights that are FP8 in the release: `q_a_proj`, `q_b_proj` (or `q_proj`), `kv_a_proj_with_mqa`, `kv_b_proj` and
 * `o_proj` of attention, `gate_proj`, `up_proj` and `down_proj` of dense layers and of all experts. Embeddings, heads,
 * norms, the router and `eh_proj` are not (F 8.2 in `docs/facts.md`).
 */
const isQuantized = (name: string): boolean => /\.(self_attn|mlp)\..*(_proj|_proj_with_mqa)\.weight$/.test(name);

/** The tensors that are stored for one tensor of the model. */
export function quantizedTensors(tensor: LazyTensor, { block, scales }: Fp8Format): TensorToWrite[] {
  return isQuantized(tensor.name) ? quantizedInBlocks(tensor, block, scales) : [{ ...tensor, dtype: 'BF16' }];
}

/** `quantization_config` of a `config.json`, with the keys of the released file. */
export function quantizationConfig({ block, scales }: Fp8Format): JsonObject {
  return {
    activation_scheme: 'dynamic',
    fmt: 'e4m3',
    quant_method: 'fp8',
    ...scaleNames[scales],
    weight_block_size: [block, block],
  };
}

/** Rows and columns of FP8 weights whose last block would be smaller than the others. */
export function unevenSizes(config: ModelConfig, block: number): number[] {
  const sizes = parameterShapes(config).flatMap(({ name, shape }) => (isQuantized(name) ? shape : []));
  return [...new Set(sizes)].filter((size) => size > block && size % block !== 0);
}
