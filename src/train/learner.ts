// What training changes: the model, its optimizer and the average of its weights; and the parts that a study can
// replace.

import type { ModelConfig } from '../config/model-config.ts';
import type { TrainConfig } from '../config/train-config.ts';
import { DeepseekV3ForCausalLM } from '../model/causal-lm.ts';
import { deepseekParts, type ModelParts } from '../model/parts.ts';
import { float32Products, productsIn, recomputingProducts } from '../ops/products.ts';
import { Repeated } from '../tensor/repeated.ts';
import { AdamW } from './adamw.ts';
import { WeightAverage } from './ema.ts';
import type { LossInput, LossTerms, LossWeights } from './loss.ts';
import { UpdateGuard } from './update-guard.ts';

/** The function that a step differentiates. */
export type Objective = (model: DeepseekV3ForCausalLM, input: LossInput, weights: LossWeights) => LossTerms;

/** What a step changes. */
export interface Learner {
  readonly model: DeepseekV3ForCausalLM;
  readonly optimizer: AdamW;
  /** Null when no average is kept. */
  readonly average: WeightAverage | null;
  /** The forward and backward passes of the model. */
  readonly passes: Repeated;
  /** Absent where the optimizer is not our AdamW: its updates cannot be held back by the GPU. */
  readonly guard?: UpdateGuard;
  /** Used in place of `computeLoss` in training, but not in evaluations. */
  readonly objective?: Objective;
}

/** What a study replaces of a learner; none of it can be set in a config. */
export interface LearnerParts {
  readonly model?: Partial<ModelParts>;
  readonly optimizer?: (model: DeepseekV3ForCausalLM, train: TrainConfig) => AdamW;
  readonly objective?: Objective;
}

/** What a model is made of under these settings. */
export function partsFor({
  precision,
  recompute,
  cachedActivations,
}: Pick<TrainConfig, 'precision' | 'recompute' | 'cachedActivations'>): ModelParts {
  const isFp8 = precision === 'fp8';
  const recomputes = recompute === 'selective' || (isFp8 && cachedActivations === 'fp8');
  const float32 = recomputes ? recomputingProducts : float32Products;
  return { ...deepseekParts, products: isFp8 ? productsIn('fp8', cachedActivations) : float32, recomputes };
}

/** A model with fresh weights, or `model`, and what trains it; `disposeLearner` frees all of it. */
export function createLearner(
  { model: config, train }: { readonly model: ModelConfig; readonly train: TrainConfig },
  parts: LearnerParts = {},
  model = new DeepseekV3ForCausalLM(config, train.seed, { ...partsFor(train), ...parts.model }),
): Learner {
  return {
    model,
    optimizer: parts.optimizer?.(model, train) ?? new AdamW(model.parameters, train),
    average: train.emaDecay > 0 ? new WeightAverage(model.parameters, train.emaDecay) : null,
    passes: new Repeated(),
    // Guarded updates have kernels for moments in float32 alone.
    ...(parts.optimizer === undefined && train.adamMoments === 'float32' ? { guard: new UpdateGuard() } : {}),
    ...(parts.objective === undefined ? {} : { objective: parts.objective }),
  };
}

export function disposeLearner({ model, optimizer, average, passes, guard }: Learner): void {
  passes.dispose();
  guard?.dispose();
  optimizer.dispose();
  average?.dispose();
  model.dispose();
}
