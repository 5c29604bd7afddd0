// The critic of PPO: a second model of the policy's size that says, before each token of an answer, what reward is to
// be expected. GRPO does without it; it is here to be compared with. Shape legend: B answers, T positions of a row, D
// hiddenSize.

import type { TrainConfig } from '../../config/train-config.ts';
import { DeepseekV3ForCausalLM } from '../../model/causal-lm.ts';
import { valueAndGrads } from '../../tensor/gradients.ts';
import type { NamedTensor } from '../../tensor/named-tensor.ts';
import { tf } from '../../tensor/tf.ts';
import { AdamW, type AdamWSettings } from '../../train/adamw.ts';
import { clipScale, globalNorm } from '../../train/clip.ts';
import type { StepPlan } from '../../train/schedules.ts';
import { exportVariable, importVariable } from '../../train/variable-state.ts';
import { answerPart, answerRows, placed, rowLength, type TrainingAnswer } from './rows.ts';

/** The name of the vector that reads a value from a hidden state. */
const headName = 'value_head.weight';
const prefix = 'critic.';
/** How much faster the critic learns than the policy, since it begins by knowing nothing of rewards. */
const rateFactor = 4;

/** A model without its output head, and a vector in the place of that. */
export class Critic {
  readonly #model: DeepseekV3ForCausalLM;
  readonly #head: tf.Variable;
  readonly #parameters: ReadonlyMap<string, tf.Variable>;
  readonly #optimizer: AdamW;

  /** Begins with the weights of the policy and a head of zeros, which expects nothing of any answer. */
  static async from(policy: DeepseekV3ForCausalLM, train: AdamWSettings): Promise<Critic> {
    const critic = new Critic(policy, train);
    critic.#model.importTensors(await policy.exportTensors());
    return critic;
  }

  private constructor({ config }: DeepseekV3ForCausalLM, train: AdamWSettings) {
    this.#model = new DeepseekV3ForCausalLM(config, 0);
    this.#head = tf.tidy(() => tf.variable(tf.zeros([config.hiddenSize, 1])));
    const isUsed = (name: string) => name !== 'lm_head.weight' && !isMtp(name, config.numHiddenLayers);
    const trunk = [...this.#model.parameters].filter(([name]) => isUsed(name));
    this.#parameters = new Map([...trunk, [headName, this.#head]]);
    this.#optimizer = new AdamW(this.#parameters, train);
  }

  /** What the critic expects before each token of each answer. */
  async values(answers: readonly TrainingAnswer[]): Promise<Float32Array[]> {
    const T = rowLength(answers);
    const found = tf.tidy(() => this.#valuesOf(answerRows(answers, T).ids));
    const values = (await found.data()) as Float32Array;
    found.dispose();
    return answers.map((answer, b) => answerPart(values, T, answer, b).slice());
  }

  /** Moves the critic once towards the targets of each answer's tokens; returns the loss before that. */
  async update(
    answers: readonly TrainingAnswer[],
    targets: readonly (readonly number[])[],
    { learningRate }: StepPlan,
    { maxGradNorm }: TrainConfig,
  ): Promise<number> {
    const T = rowLength(answers);
    const shape: [number, number] = [answers.length, T];
    const place = (values: (b: number) => readonly number[]) =>
      tf.tensor2d(
        placed(answers, T, (_, b) => values(b)),
        shape,
      );
    const inputs = { ...answerRows(answers, T), targets: place((b) => targets[b]!) };
    const weights = place((b) => targets[b]!.map(() => 1));
    const { value, grads } = valueAndGrads(
      () => criticLoss(this.#valuesOf(inputs.ids), inputs.targets, weights),
      [...this.#parameters.values()],
    );
    const gradients = new Map([...this.#parameters.keys()].map((name, i) => [name, grads[i]!]));
    const norm = globalNorm(grads);
    tf.tidy(() => this.#optimizer.update(gradients, rateFactor * learningRate, clipScale(norm, maxGradNorm)));
    const [loss = Number.NaN] = await value.data();
    tf.dispose([value, norm, weights, ...grads, ...Object.values(inputs)]);
    return loss;
  }

  /** Weights and moments, under names that no policy has. */
  async exportTensors(): Promise<NamedTensor[]> {
    const weights = await Promise.all([...this.#parameters].map(([name, variable]) => exportVariable(name, variable)));
    return [...weights, ...(await this.#optimizer.exportTensors())].map((tensor) => {
      return { ...tensor, name: `${prefix}${tensor.name}` };
    });
  }

  /** Takes up what `exportTensors` gave after so many updates. */
  importTensors(tensors: readonly NamedTensor[], updates: number): void {
    const own = tensors.flatMap(({ name, ...tensor }) =>
      name.startsWith(prefix) ? [{ ...tensor, name: name.slice(prefix.length) }] : [],
    );
    const byName = new Map(own.map((tensor) => [tensor.name, tensor]));
    for (const [name, variable] of this.#parameters) importVariable(name, variable, byName);
    this.#optimizer.importTensors(own, updates);
  }

  dispose(): void {
    this.#optimizer.dispose();
    this.#head.dispose();
    this.#model.dispose();
  }

  /** [B, T+1] ids -> [B, T] values, the one at T being what is expected before label T. */
  #valuesOf(ids: tf.Tensor2D): tf.Tensor2D {
    const [B, length] = ids.shape;
    const { hidden } = this.#model.forward(tf.slice(ids, [0, 0], [B, length - 1]));
    const states: tf.Tensor2D = tf.reshape(hidden, [B * (length - 1), this.#model.config.hiddenSize]);
    return tf.reshape(tf.matMul(states, this.#head as tf.Tensor2D), [B, length - 1]);
  }
}

/** The weighted mean of (value - target)^2 / 2. Shapes: [B, T] each. Gradient: to the values alone. */
export function criticLoss(values: tf.Tensor2D, targets: tf.Tensor2D, weights: tf.Tensor2D): tf.Scalar {
  const squares = tf.square(tf.sub(values, targets));
  return tf.div(tf.sum(tf.mul(weights, squares)), tf.mul(tf.sum(weights), 2));
}

function isMtp(name: string, layers: number): boolean {
  const layer = /^model\.layers\.(\d+)\./.exec(name)?.[1];
  return layer !== undefined && Number(layer) >= layers;
}
