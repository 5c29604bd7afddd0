// What an optimizer step takes at its peak, by kind: on the engine, whose blocks are watched, or on its shadow.

import type { TrainConfig } from '../config/train-config.ts';
import type { Batch } from '../data/types.ts';
import type { EngineBackend } from '../engine/backend.ts';
import type { DeepseekV3ForCausalLM } from '../model/causal-lm.ts';
import { ownData } from '../tensor/own-data.ts';
import { tf } from '../tensor/tf.ts';
import { accumulateGradients } from '../train/accumulate.ts';
import { clipScale, globalNorm } from '../train/clip.ts';
import { disposeLearner, type Learner } from '../train/learner.ts';
import { computeLoss, type LossInput, type LossWeights } from '../train/loss.ts';
import type { StepMemory } from './kinds.ts';
import { MemoryMeter } from './meter.ts';

/** Makes what is trained, in two parts. */
export interface MakeLearner {
  readonly model: () => DeepseekV3ForCausalLM;
  readonly learner: (model: DeepseekV3ForCausalLM) => Learner;
}

/** Most parameters of which the optimizer's table of blocks fits into JavaScript; more no machine holds. */
const mostUpdated = 2 ** 32;

/**
 * Takes steps on the active backend, which is the engine or its shadow, and says what the last of them takes. The
 * learner is made for it and disposed.
 *
 * Two steps: the first makes what a run makes once, and the second is recorded, where steps are. A step is that of
 * `trainStep` but for the reading of its numbers.
 */
export function measureStep(make: MakeLearner, batch: Batch, train: TrainConfig): StepMemory {
  const backend = tf.backend() as unknown as EngineBackend;
  const meter = new MemoryMeter(backend.heap);
  let learner: Learner | null = null;
  try {
    const model = make.model();
    meter.kind = 'moments';
    learner = make.learner(model);
    takeStep(learner, batch, train, meter, backend);
    meter.restart();
    takeStep(learner, batch, train, meter, backend);
    const { kinds, live, used } = meter.peaks();
    return { kinds: { ...kinds, recording: used - live, messages: 0 }, total: used };
  } finally {
    meter.stop();
    if (learner !== null) disposeLearner(learner);
  }
}

function takeStep(
  learner: Learner,
  batch: Batch,
  train: TrainConfig,
  meter: MemoryMeter,
  backend: EngineBackend,
): void {
  meter.kind = 'activations';
  let parts = 0;
  const objective = (model: DeepseekV3ForCausalLM, input: LossInput, weights: LossWeights) => {
    // What is there at the beginning of a later part of a batch are the gradients of those before.
    if (parts++ > 0) meter.rename('activations', 'gradients');
    return (learner.objective ?? computeLoss)(model, input, weights);
  };
  const { gradients, reports } = accumulateGradients({ ...learner, objective }, batch, train.mtpLossWeight, train);
  meter.name([...gradients.values()].map(backend.address), 'gradients');
  const parameters = [...learner.model.parameters.values()];
  // An average shares the memory of its weight until either changes.
  meter.kind = 'average';
  if (learner.average !== null) for (const parameter of parameters) ownData(parameter);
  meter.kind = 'activations';
  if (parameters.reduce((sum, { size }) => sum + size, 0) <= mostUpdated) update(learner, gradients, train);
  tf.dispose([...gradients.values(), ...reports]);
}

function update({ optimizer, average }: Learner, gradients: ReadonlyMap<string, tf.Tensor>, train: TrainConfig): void {
  tf.tidy(() => {
    const scale = clipScale(globalNorm(gradients.values()), train.maxGradNorm);
    optimizer.update(gradients, train.learningRate, scale);
  });
  average?.update();
}
