// The samples of a prompt, decoded with and without drafts.

import type { WeightFormat } from '../engine/weight-formats.ts';
import { createGenerator } from '../generate/batch/batch-generator.ts';
import { generateSamples, type SampleSet, type TextListener } from '../generate/batch/generate-samples.ts';
import type { GenerationRequest } from '../generate/batch/generator.ts';
import { createDecoder } from '../generate/decoder/create-decoder.ts';
import type { OpenedModel } from './open-model.ts';

/** Samples that run at once; more wait for a slot. */
const mostSlots = 32;
const warmUpTokens = 32;

interface Way {
  /** Samples. */
  readonly n: number;
  /** Drafts for each pass. */
  readonly drafts: number;
  readonly weights: WeightFormat;
}

/** One way of decoding, from an empty cache. */
export async function decodeSamples(
  { model, tokenizer, config }: OpenedModel,
  request: GenerationRequest,
  { n, drafts, weights }: Way,
  onText?: TextListener,
): Promise<SampleSet> {
  const capacity = Math.min(config.maxPositionEmbeddings, request.promptIds.length + request.maxNewTokens);
  const decoder = createDecoder(model, { slots: Math.min(n, mostSlots), capacity, drafts: drafts > 0, weights });
  const generator = createGenerator(decoder, tokenizer, { drafts });
  try {
    return await generateSamples(generator, request, n, onText);
  } finally {
    await generator.dispose();
  }
}

/** The same without drafts, to compare with; both ways have run a little before, so that neither pays for the start. */
export async function decodePlain(opened: OpenedModel, request: GenerationRequest, way: Way): Promise<SampleSet> {
  const short = { ...request, maxNewTokens: Math.min(request.maxNewTokens, warmUpTokens) };
  const plain = { ...way, drafts: 0 };
  await decodeSamples(opened, short, way);
  await decodeSamples(opened, short, plain);
  return decodeSamples(opened, request, plain);
}
