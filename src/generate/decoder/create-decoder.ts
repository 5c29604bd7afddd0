import { EngineBackend } from '../../engine/backend.ts';
import { weightFormats } from '../../engine/weight-formats.ts';
import { UserError } from '../../errors.ts';
import type { DeepseekV3ForCausalLM } from '../../model/causal-lm.ts';
import { softmaxScale } from '../../layers/rotary-embedding.ts';
import { latentNormEps } from '../../mla/attention.ts';
import { deepseekParts } from '../../model/parts.ts';
import { tf } from '../../tensor/tf.ts';
import { runningWebGpu } from '../../webgpu/running.ts';
import { EnginePasses } from '../passes/engine-passes.ts';
import type { Passes } from '../passes/passes.ts';
import { TfjsPasses } from '../passes/tfjs-passes.ts';
import { CachedDecoder } from './cached-decoder.ts';
import type { Decoder, DecoderOptions } from './decoder.ts';

/**
 * A decoder for a model on the active backend. The model must outlive it, and its weights may not change meanwhile; the
 * decoder is the caller's to dispose.
 *
 * @throws UserError when the options are impossible.
 */
export function createDecoder(model: DeepseekV3ForCausalLM, options: DecoderOptions = {}): Decoder {
  const { maxPositionEmbeddings, numNextnPredictLayers } = model.config;
  const { slots = 1, capacity = maxPositionEmbeddings, drafts = false, weights = 'float32' } = options;
  if (!(Number.isInteger(slots) && slots >= 1)) {
    throw new UserError(`decoder: slots must be a whole number from 1 on, found ${slots}`);
  }
  if (!(Number.isInteger(capacity) && capacity >= 1 && capacity <= maxPositionEmbeddings)) {
    throw new UserError(
      `decoder: capacity must be 1 to maxPositionEmbeddings (${maxPositionEmbeddings}), found ${capacity}`,
    );
  }
  if (!weightFormats.includes(weights)) {
    throw new UserError(`decoder: weights must be one of ${weightFormats.join(', ')}, found ${weights}`);
  }
  if (drafts && numNextnPredictLayers === 0) {
    throw new UserError(
      'decoder: no drafts without an MTP module; train with numNextnPredictLayers 1, or decode plainly',
    );
  }
  if (model.parts.attention !== deepseekParts.attention || model.parts.route !== deepseekParts.route) {
    throw new UserError('decoder: only the attention and the router of DeepSeek-V3 can be decoded with a cache');
  }
  const passes = createPasses(model, { slots, capacity, drafts, weights });
  return new CachedDecoder(model.config, passes, slots, capacity, drafts);
}

/**
 * Passes of kernels of our own on the engine and on WebGPU, and of TF.js operations elsewhere, and where products are
 * of 8-bit numbers.
 */
function createPasses(model: DeepseekV3ForCausalLM, options: Required<DecoderOptions>): Passes {
  const { slots, drafts, weights } = options;
  const backend = tf.backend();
  const isPlain = model.parts.products.recipe === undefined;
  if (backend instanceof EngineBackend && isPlain) return new EnginePasses(backend, model, options);
  if (weights !== 'float32') {
    throw new UserError(
      isPlain
        ? `decoder: only the engine keeps weights in ${weights}; use --backend engine, or float32`
        : `decoder: weights in ${weights} and products in FP8 exclude each other; leave one out (--weights, --precision)`,
    );
  }
  const gpu = runningWebGpu();
  if (gpu === null || !isPlain) return new TfjsPasses(model, slots, drafts);
  return gpu.decoderPasses(model, options, { scale: softmaxScale(model.config), latentEps: latentNormEps });
}
