// Optimizer steps of a nano model, as plain numbers.

import { DeepseekV3ForCausalLM } from '../../src/model/causal-lm.ts';
import { valueAndGrads } from '../../src/tensor/gradients.ts';
import type { NamedTensor } from '../../src/tensor/named-tensor.ts';
import { createRandom } from '../../src/tensor/random.ts';
import { tf } from '../../src/tensor/tf.ts';
import { AdamW } from '../../src/train/adamw.ts';
import { computeLoss, type LossInput } from '../../src/train/loss.ts';
import { nanoModel } from '../train/nano.ts';

/** What a few steps of training gave. */
export interface TrainingNumbers {
  readonly losses: readonly number[];
  /** Gradients of the first step. */
  readonly gradients: readonly NamedTensor[];
  /** Selections per expert of each MoE layer in the first step. */
  readonly counts: readonly (readonly number[])[];
  /** Parameters and balancing biases after the last step. */
  readonly weights: readonly NamedTensor[];
}

const steps = 2;
const weights = { mtpWeight: 0.3, balancing: 'bias', balanceLossFactor: 1e-2 } as const;
/** A large eps keeps Adam from turning the sign of a rounding error into a full step. */
const settings = { adamBeta1: 0.9, adamBeta2: 0.95, adamEps: 1e-2, weightDecay: 0.1 };

/**
 * Three rows of 11 inputs and a label, of two documents each, whose labels have weights; the same ids in every step.
 */
function trainingRows(): LossInput {
  const [rows, length] = [3, 12];
  const random = createRandom(5);
  const ids = Array.from({ length: rows * length }, () => Math.floor(random() * nanoModel.vocabSize));
  const documentIds = ids.map((_, i) => (i % length < 5 ? 0 : 1));
  const labelWeights = ids.map((_, i) => (i % 4) * 0.7);
  return {
    ids: tf.tensor2d(ids, [rows, length], 'int32'),
    documentIds: tf.tensor2d(documentIds, [rows, length], 'int32'),
    labelWeights: tf.tensor2d(labelWeights, [rows, length]),
  };
}

/** Trains on the current backend with MTP, document mask and balance loss, and cleans up. */
export async function runTraining(): Promise<TrainingNumbers> {
  const model = new DeepseekV3ForCausalLM(nanoModel, 7);
  const optimizer = new AdamW(model.parameters, settings);
  const input = trainingRows();
  const one = tf.scalar(1);
  const names = [...model.parameters.keys()];
  const losses: number[] = [];
  let first: Pick<TrainingNumbers, 'gradients' | 'counts'> | null = null;
  for (let step = 0; step < steps; step++) {
    const counted: tf.Tensor[] = [];
    const { value, grads } = valueAndGrads(() => {
      const { total, counts } = computeLoss(model, input, weights);
      counted.push(...counts.map((layer) => tf.keep(layer.counts)));
      return total;
    }, [...model.parameters.values()]);
    optimizer.update(new Map(grads.map((grad, i) => [names[i] ?? '', grad])), 1e-2, one);
    losses.push((await value.data())[0] ?? Number.NaN);
    first ??= {
      gradients: await Promise.all(grads.map((grad, i) => read(names[i] ?? '', grad))),
      counts: await Promise.all(counted.map(async (counts) => [...(await counts.data())])),
    };
    tf.dispose([value, ...grads, ...counted]);
  }
  const numbers = { losses, weights: await model.exportTensors(), gradients: [], counts: [], ...first };
  model.dispose();
  optimizer.dispose();
  tf.dispose([input.ids, input.documentIds ?? [], input.labelWeights ?? [], one]);
  return numbers;
}

async function read(name: string, tensor: tf.Tensor): Promise<NamedTensor> {
  return { name, shape: tensor.shape, data: await tensor.data<'float32'>() };
}
