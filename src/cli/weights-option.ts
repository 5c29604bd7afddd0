// The option that says in which format a decoder keeps the weights of a model.

import { type WeightFormat, weightFormats } from '../engine/weight-formats.ts';
import { UserError } from '../errors.ts';

export const weightsOption = {
  flags: '--weights <format>',
  help: 'keep weights in float32, bfloat16 (16 bits) or fp8 (8 bits): larger models write faster (default: float32)',
} as const;

/** @throws UserError when it is none of them. */
export function parseWeights(text = 'float32'): WeightFormat {
  const found = weightFormats.find((format) => format === text);
  if (found !== undefined) return found;
  throw new UserError(`--weights: expected ${weightFormats.join(', ')}; found ${JSON.stringify(text)}`);
}
