// Text from a model that is being trained, or for a caller who needs only the text.

import type { Tokenizer } from '../data/types.ts';
import type { DeepseekV3ForCausalLM } from '../model/causal-lm.ts';
import { createGenerator } from './batch/batch-generator.ts';
import { generateSamples } from './batch/generate-samples.ts';
import { createDecoder } from './decoder/create-decoder.ts';
import { defaultSampling } from './sampling/sampling.ts';

export interface SampleOptions {
  readonly prompt: string;
  readonly maxNewTokens: number;
  /** 0 takes the most likely token every time. */
  readonly temperature: number;
  /** Choose among this many of the most likely tokens; 0 means all. */
  readonly topK: number;
  readonly seed: number;
}

/**
 * Continues a prompt; stops early at an end-of-sequence token, or at the end of the context. Returns the continuation
 * without the prompt.
 *
 * The prompt is read after the token that ends a document. Where prompt and continuation are longer than the context,
 * the start of the prompt is forgotten. The weights may not change meanwhile.
 */
export async function sampleText(
  model: DeepseekV3ForCausalLM,
  tokenizer: Tokenizer,
  { prompt, maxNewTokens, temperature, topK, seed }: SampleOptions,
): Promise<string> {
  const decoder = createDecoder(model);
  const generator = createGenerator(decoder, tokenizer);
  const room = Math.max(1, decoder.capacity - maxNewTokens);
  const start = tokenizer.eosTokenId === null ? [] : [tokenizer.eosTokenId];
  const promptIds = [...start, ...tokenizer.encode(prompt)].slice(-room);
  const sampling = { ...defaultSampling, temperature, topK, seed };
  try {
    const request = { promptIds, maxNewTokens, sampling, stop: [], topLogprobs: null };
    const { samples } = await generateSamples(generator, request);
    return samples[0]!.text;
  } finally {
    await generator.dispose();
  }
}
