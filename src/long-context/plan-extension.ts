// The stages of an extension, from the settings that a model was trained with: each is a training run at a longer
// length, under the positions of the whole extension.

import type { ModelConfig } from '../config/model-config.ts';
import type { TrainConfig } from '../config/train-config.ts';
import { validateTrainConfig } from '../config/validate.ts';
import { UserError } from '../errors.ts';
import type { ContextSettings } from '../train/initial-model.ts';
import { learningRateAt } from '../train/schedules.ts';
import { type ContextExtension, contextLength, extendContext, stageLengths } from './extend-context.ts';

export interface ExtensionPlanOptions extends Omit<ContextExtension, 'trainedLength'> {
  /** Training runs one after the other, at growing lengths; absent: 2, as in the report. */
  readonly stages?: number;
  /** The length of each stage, in tokens; absent: `stageLengths`. */
  readonly lengths?: readonly number[];
  /** Whether every second step reads rows of the length from before; absent: it does not. */
  readonly mixLengths?: boolean;
  /** Settings of the runs in place of those that follow from the model's own run. */
  readonly trainChanges?: Partial<TrainConfig>;
}

/** One run of an extension. */
export interface ExtensionStage {
  readonly context: ContextSettings;
  readonly train: Omit<TrainConfig, 'tokenizer'>;
}

/** Steps of a stage, if none are asked for: most is won within ten. The report takes 1,000. */
const usualSteps = 50;

/**
 * Plans the extension of a model that was trained with `trained`.
 *
 * As in the report, all stages have the positions of the whole extension, a step has the same number of tokens at every
 * length, and the learning rate is that of the last phase of training. The speed of the balancing bias and the weight
 * of the MTP loss are those of that phase as well. The text goes on, and the optimizer starts anew.
 *
 * @throws {UserError} as `extendContext` and `stageLengths` do, and for lengths that do not grow or that the extended
 * context does not reach.
 * Source: arXiv:2412.19437 section 4.3. There each stage has 1,000 steps.
 */
export function planExtension(
  config: ModelConfig,
  trained: TrainConfig,
  options: ExtensionPlanOptions,
): ExtensionStage[] {
  const { factor, type = 'yarn', stages = 2, mixLengths = false, trainChanges = {} } = options;
  const extended = extendContext(config, { factor, type, trainedLength: trained.seqLen });
  const before = contextLength(config, trained.seqLen);
  const lengths = options.lengths ?? stageLengths(before, factor, stages);
  refuseOtherLengths(lengths, before, extended.maxPositionEmbeddings);
  const { maxPositionEmbeddings, ropeScaling } = extended;
  return lengths.map((seqLen) => {
    const { tokenizer, ...train } = validateTrainConfig(
      {
        ...trained,
        ...lastPhase(trained),
        ...{ seqLen, steps: usualSteps, alternateSeqLen: mixLengths ? before : 0 },
        batchSize: Math.max(1, Math.round((trained.batchSize * trained.seqLen) / seqLen)),
        gradAccumSteps: 1,
        ...trainChanges,
      },
      extended,
    );
    return { context: { maxPositionEmbeddings, ropeScaling }, train };
  });
}

/** What training ended with. */
function lastPhase(trained: TrainConfig): Partial<TrainConfig> {
  return {
    learningRate: learningRateAt(1, trained),
    lrSchedule: 'constant',
    warmupFraction: 0.1,
    batchSizeSchedule: 'constant',
    expertBiasUpdateSpeed: trained.expertBiasFreezeFraction > 0 ? 0 : trained.expertBiasUpdateSpeed,
    mtpLossWeight: trained.mtpLossWeightFinal,
  };
}

function refuseOtherLengths(lengths: readonly number[], before: number, longest: number): void {
  const text = lengths.join(', ');
  const remedy = `name lengths above ${before} and up to ${longest} tokens, each longer than the one before`;
  if (lengths.length === 0) throw new UserError(`extend: there is no stage; ${remedy}`);
  const isGrowing = lengths.every((length, i) => Number.isInteger(length) && length > (lengths[i - 1] ?? before));
  if (!isGrowing) throw new UserError(`extend: the lengths ${text} do not grow from ${before} tokens on; ${remedy}`);
  if (lengths.at(-1)! > longest)
    throw new UserError(`extend: the lengths ${text} reach beyond the extended context; ${remedy}, or a larger factor`);
}
