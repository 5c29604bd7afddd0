// `--precision` of the commands that measure a checkpoint or generate with it, and what they say of it.

import type { TrainConfig } from '../config/train-config.ts';
import { UserError } from '../errors.ts';
import type { LoadedModel } from '../generate/load-model.ts';

export const checkpointPrecisionOption = {
  flags: '--precision <name>',
  help: 'float32 (default), or fp8: products of 8-bit numbers, emulated, as in training with fp8',
} as const;

export interface PrecisionFlag {
  readonly precision?: string | undefined;
}

type Precision = TrainConfig['precision'];

export function parsePrecision({ precision = 'float32' }: PrecisionFlag): Precision {
  if (precision === 'float32' || precision === 'fp8') return precision;
  throw new UserError(`--precision: expected float32 or fp8, found ${JSON.stringify(precision)}`);
}

/** A line that says what was multiplied, where a reader may wonder: in 8 bits, or after training in 8 bits. */
export function precisionLines({ precision, trainerState }: Pick<LoadedModel, 'precision' | 'trainerState'>): string[] {
  if (precision === 'fp8') return ['Products in FP8 (emulated)'];
  const { train } = (trainerState ?? {}) as { readonly train?: { readonly precision?: unknown } };
  return train?.precision === 'fp8' ? ['Products in float32; it was trained with those of --precision fp8'] : [];
}
