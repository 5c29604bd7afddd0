// Where a run stands: the part of a checkpoint that is not tensors. Plain data, replaced rather than changed.

import * as z from 'zod';
import { UserError } from '../errors.ts';
import type { JsonObject } from '../io/json.ts';
import { initialModelSchema, type RunSettings } from './run-settings.ts';
import { initialSpikeState } from './spike.ts';

const count = () => z.int().min(0);

const stateSchema = z.object({
  /** Optimizer steps done. */
  step: count(),
  /** Training rows read. */
  samples: count(),
  /** Tokens in the rows that were read. */
  tokens: count(),
  /** Seconds that the run has taken so far. */
  seconds: z.number(),
  /** The part of `seconds` that was spent on training steps. */
  stepSeconds: z.number(),
  spike: z.object({ mean: z.number(), variance: z.number(), count: count() }),
  /** Main losses of the last steps, for at most a tenth of the run. */
  recentLosses: z.array(z.number()),
  /** Steps at which the last evaluation and the last sample were made; -1 for none. */
  evaluatedStep: z.int(),
  sampledStep: z.int(),
  /** What the last evaluation found; null before the first one. */
  evaluation: z.object({ loss: z.number(), bitsPerByte: z.number() }).nullable(),
  /** Updates of the optimizer; absent where each step is one. */
  updates: count().optional(),
  /** What the method of the run measured first and last; absent before that, and in a run without a method. */
  measured: z
    .object({ before: z.record(z.string(), z.unknown()), after: z.record(z.string(), z.unknown()) })
    .optional(),
  /** Tokens of the training text: a resumed run notices by this number that a file was changed. */
  trainTokens: count(),
  /** Settings that the state belongs to. */
  model: z.record(z.string(), z.unknown()),
  train: z.record(z.string(), z.unknown()),
  /** The model that the run started from; absent for one that started from scratch. */
  init: initialModelSchema.optional(),
});

export type TrainerState = Readonly<z.infer<typeof stateSchema>>;

/** The state of a run that is about to start; `trainTokens` is the size of its training text. */
export function initialState({ model, train, init }: RunSettings, trainTokens: number): TrainerState {
  return {
    step: 0,
    samples: 0,
    tokens: 0,
    seconds: 0,
    stepSeconds: 0,
    spike: initialSpikeState,
    recentLosses: [],
    evaluatedStep: -1,
    sampledStep: -1,
    evaluation: null,
    model: { ...model },
    train: { ...train },
    trainTokens,
    ...(init === undefined ? {} : { init }),
  };
}

/** The state in a checkpoint; anything else is a `UserError` that begins with `command`, what the user asked for. */
export function parseState(json: JsonObject | null, where: string, command: string): TrainerState {
  const parsed = stateSchema.safeParse(json);
  if (parsed.success) return parsed.data;
  const key = parsed.error.issues[0]?.path.join('.') ?? '';
  throw new UserError(
    `${command}: ${where} holds no trainer state of this version (${key === '' ? 'it has none' : `see ${key}`}); ` +
      (command === 'resume'
        ? 'resume from a run folder that tinyseek train wrote'
        : 'without trainer.json and optimizer.safetensors it is a model folder: delete these two in a copy of it'),
  );
}
