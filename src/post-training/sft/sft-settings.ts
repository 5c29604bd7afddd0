// The settings of a run of supervised fine-tuning: what `run.json` records besides those of every run, and the
// defaults.

import * as z from 'zod';
import type { ModelConfig } from '../../config/model-config.ts';
import { trainPreset } from '../../config/presets.ts';
import type { TrainConfig } from '../../config/train-config.ts';
import { UserError } from '../../errors.ts';
import type { RunSettings } from '../../train/run-settings.ts';

const schema = z.object({
  /** Name of the chat template. */
  template: z.string(),
  /** Specification of the task; null without one. */
  task: z.string().nullable(),
  /** The conversations that were given. */
  sets: z.array(z.object({ name: z.string(), weight: z.number() })),
  /** Kinds of samples of the task: see `parseSolutions`; null without a task. */
  solutions: z.string().nullable(),
  system: z.string(),
  /** Samples made of the task; with 0 it is only measured. */
  samples: z.int().min(0),
  /** How much the last token of an answer's text weighs; runs of earlier versions have none. */
  verdictWeight: z.number().default(1),
  stopAt: z.number().nullable(),
});

/** What makes the samples of a run; plain data. */
export type RecordedSft = Readonly<z.infer<typeof schema>>;

/** What a run has recorded of itself; a `UserError` for a run of another kind. */
export function recordedSftOf({ method }: RunSettings, runDir: string): RecordedSft {
  const parsed = schema.safeParse(method?.settings);
  if (method?.name === 'sft' && parsed.success) return parsed.data;
  const command = method?.name ?? 'train';
  throw new UserError(
    `resume: ${runDir} is a run of tinyseek ${command}; carry it on with tinyseek ${command} --resume ${runDir}`,
  );
}

/** @throws UserError for settings that make no samples. */
export function validateSft(recorded: RecordedSft): RecordedSft {
  const { samples, verdictWeight, stopAt, task, sets } = recorded;
  const fewest = sets.length > 0 ? 0 : 1;
  if (!(Number.isInteger(samples) && samples >= fewest)) {
    const why = fewest === 0 ? '' : ' (0, which only measures the task, needs conversations to learn from)';
    throw new UserError(`sft: samples must be a whole number from ${fewest} on, found ${samples}${why}; try 16000`);
  }
  if (!(Number.isInteger(verdictWeight) && verdictWeight >= 1 && verdictWeight <= 255)) {
    throw new UserError(`sft: verdictWeight must be a whole number from 1 to 255, found ${verdictWeight}; try 8`);
  }
  if (stopAt === null) return recorded;
  if (!(stopAt > 0 && stopAt <= 1)) {
    throw new UserError(`sft: stopAt is a share of right answers, above 0 and at most 1; found ${stopAt}; try 0.4`);
  }
  if (task === null) throw new UserError('sft: stopAt needs a task to measure; give one (--task chain)');
  return recorded;
}

/** Tokens of a step, and of a row at most, unless settings say otherwise. */
const tokensPerStep = 1024;
/** Rows are as long as the longest sample, in steps of this many tokens. */
const rowUnit = 64;

/**
 * The settings of a run: cosine decay, rows that hold the longest sample, and a rate that is a tenth of that of
 * pre-training for a model that has been trained, or a high one for a miniature from scratch. The balancing biases stay
 * as they are, as in the last phase of the report's pre-training, and there is no balance loss: miniatures learned the
 * task chain better without both.
 */
export function sftTrain(
  longest: number,
  { maxPositionEmbeddings }: Pick<ModelConfig, 'maxPositionEmbeddings'>,
  isFresh: boolean,
  given: Partial<TrainConfig>,
): TrainConfig {
  const whole = Math.ceil(Math.min(longest - 1, tokensPerStep) / rowUnit) * rowUnit;
  const seqLen = given.seqLen ?? Math.min(whole, maxPositionEmbeddings);
  return {
    ...trainPreset('tiny'),
    ...sftDefaults,
    learningRate: isFresh ? 5e-3 : 5e-4,
    batchSize: Math.max(1, Math.round(tokensPerStep / seqLen)),
    ...given,
    seqLen,
    documentMask: true,
  };
}

const sftDefaults = {
  lrSchedule: 'cosine',
  warmupFraction: 0.08,
  weightDecay: 0.01,
  balancing: 'bias',
  expertBiasUpdateSpeed: 0,
  balanceLossFactor: 0,
} as const satisfies Partial<TrainConfig>;
