// What training takes in memory, by number format: the reason for 8 bits, which emulation in float32 cannot show.
// Source: F 4.1, 4.2 and 5.5.

import type { ModelConfig } from '../config/model-config.ts';
import { type NamedShape, parameterShapes } from '../config/parameter-shapes.ts';
import { tileSize } from './recipe.ts';

/** Everything in float32; BF16 products with float32 master weights and moments; the report's recipe. */
export const ledgerFormats = ['float32', 'bfloat16', 'fp8'] as const;

type Bytes = Readonly<Record<(typeof ledgerFormats)[number], number>>;

export interface LedgerRow {
  readonly what: string;
  /** `cache`: kept from the forward pass for the backward pass. */
  readonly purpose: 'weights' | 'gradients' | 'moments' | 'cache';
  readonly elements: number;
  /** In each format; of the 8-bit ones with their scales. */
  readonly bytes: Bytes;
}

/** A scale is a float32 number: one for a tile of activations, one for a square block of weights. */
const perTileElement = 1 + 4 / tileSize;
const perBlockElement = 1 + 4 / tileSize ** 2;

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
const size = ({ shape }: NamedShape) => shape.reduce((product, length) => product * length, 1);

function row(purpose: LedgerRow['purpose'], what: string, elements: number, perElement: Bytes): LedgerRow {
  const { float32, bfloat16, fp8 } = perElement;
  return {
    what,
    purpose,
    elements,
    bytes: { float32: float32 * elements, bfloat16: bfloat16 * elements, fp8: fp8 * elements },
  };
}

/** Whether a weight is multiplied in 8 bits: all linear layers and experts but `eh_proj`. */
const isQuantized = ({ name }: NamedShape) =>
  /_proj(_with_mqa)?(\.weight)?$/.test(name) && !name.endsWith('eh_proj.weight');

/** Elements that one layer keeps of a token for its backward pass. */
interface LayerCache {
  /** Inputs of linear layers, of experts, and of the activation in between; its output is made again. */
  readonly quantized: number;
  /** Queries, keys and values, and the residual stream; what norms give is made again. */
  readonly kept: number;
}

function layerCache(config: ModelConfig, isMoe: boolean): LayerCache {
  const { hiddenSize: D, numAttentionHeads: H, qkNopeHeadDim: P, qkRopeHeadDim: R, vHeadDim: V } = config;
  const { qLoraRank, kvLoraRank: C, numExpertsPerTok: K, nSharedExperts, moeIntermediateSize: F } = config;
  const attentionInputs = D + (qLoraRank ?? 0) + C + H * V;
  const experts = K * (D + 2 * F) + 2 * nSharedExperts * F;
  return {
    quantized: attentionInputs + D + (isMoe ? experts : 2 * config.intermediateSize),
    kept: H * (P + R) + H * (P + V) + R + 2 * D,
  };
}

/**
 * Bytes of a training step over `tokens` tokens, by what they are for.
 *
 * Left out: the output head's logits and the optimizer's temporaries, alike in all formats.
 */
export function byteLedger(config: ModelConfig, tokens: number): LedgerRow[] {
  const shapes = parameterShapes(config);
  const quantized = sum(shapes.filter(isQuantized).map(size));
  const all = sum(shapes.map(size));
  const layers = config.numHiddenLayers + config.numNextnPredictLayers;
  const caches = Array.from({ length: layers }, (_, i) => layerCache(config, i >= config.firstKDenseReplace));
  const [inBlocks, inTiles] = [
    { float32: 4, bfloat16: 2, fp8: perBlockElement },
    { float32: 4, bfloat16: 2, fp8: perTileElement },
  ];
  const halved: Bytes = { float32: 4, bfloat16: 2, fp8: 2 };
  return [
    row('weights', 'weights of linear layers and experts, to multiply', quantized, inBlocks),
    row('weights', 'other weights, to compute with', all - quantized, halved),
    row('weights', 'master weights', all, { float32: 0, bfloat16: 4, fp8: 4 }), // in float32 they are the ones above
    row('gradients', 'gradients, accumulated', all, { float32: 4, bfloat16: 4, fp8: 4 }),
    row('moments', 'moments of AdamW', 2 * all, { float32: 4, bfloat16: 4, fp8: 2 }),
    row('cache', 'inputs of linear layers and experts', tokens * sum(caches.map((c) => c.quantized)), inTiles),
    row('cache', 'other activations', tokens * sum(caches.map((c) => c.kept)), halved),
  ];
}

/** Bytes of all rows in one format. */
export function ledgerTotal(rows: readonly LedgerRow[], format: (typeof ledgerFormats)[number]): number {
  return sum(rows.map(({ bytes }) => bytes[format]));
}
