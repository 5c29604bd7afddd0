// The numbers of a step, packed so that one transfer brings them all: reading a tensor stalls a GPU, and reading fifty
// would take longer than the step.
//
// Layout of a part's report: [total, main, balance, one per MTP depth, then for each MoE layer E counts].

import type { DeepseekV3ForCausalLM } from '../model/causal-lm.ts';
import { packVector } from '../ops/pack-vector.ts';
import { noGrad } from '../tensor/no-grad.ts';
import { tf } from '../tensor/tf.ts';
import { layerLoad } from './balance-experts.ts';
import type { LayerLoad } from './events.ts';
import type { LossTerms } from './loss.ts';

/** What a forward pass found, in nats per token. */
export interface LossReport {
  readonly total: number;
  readonly main: number;
  readonly mtp: readonly number[];
  /** The balance loss: the mean over MoE layers, without alpha. */
  readonly balance: number;
  /** Selections per expert, by layer. */
  readonly counts: ReadonlyMap<number, readonly number[]>;
}

/** What an optimizer step found. */
export interface StepOutcome extends Omit<LossReport, 'counts'> {
  /** The norm of the gradients before clipping. */
  readonly gradNorm: number;
  readonly load: readonly LayerLoad[];
}

type Layout = Pick<DeepseekV3ForCausalLM, 'config' | 'expertBiases'>;

/**
 * Losses and selections as one vector of float32, which holds counts exactly up to 16.7 million. MTP depths that did
 * not run, and their layers, are zeros.
 */
export function packReport(terms: LossTerms, { config, expertBiases }: Layout): tf.Tensor1D {
  const { numNextnPredictLayers: depths, nRoutedExperts: E } = config;
  const byLayer = new Map(terms.counts.map(({ layer, counts }) => [layer, counts]));
  // A report is not differentiated, so it stays off the tape.
  return noGrad(() =>
    tf.tidy(() =>
      packVector([
        ...[terms.total, terms.main, terms.balance],
        ...Array.from({ length: depths }, (_, depth) => terms.mtp[depth] ?? tf.zeros([1])),
        ...Array.from(expertBiases.keys(), (layer) => byLayer.get(layer) ?? tf.zeros([E])),
      ]),
    ),
  );
}

/** The inverse of `packReport`. */
export function unpackReport(values: ArrayLike<number>, { config, expertBiases }: Layout): LossReport {
  const [total = Number.NaN, main = Number.NaN, balance = Number.NaN, ...rest] = Array.from(values);
  const { numNextnPredictLayers: depths, nRoutedExperts: E } = config;
  const layers = [...expertBiases.keys()];
  const counts = layers.map((layer, i) => [layer, rest.slice(depths + i * E, depths + (i + 1) * E)] as const);
  return { total, main, balance, mtp: rest.slice(0, depths), counts: new Map(counts) };
}

/** The numbers of a step in one vector: the norm, the biases of all layers, the reports of all parts. */
export function packStep(norm: tf.Scalar, reports: readonly tf.Tensor1D[], { expertBiases }: Layout): tf.Tensor1D {
  return packVector([norm, ...expertBiases.values(), ...reports]);
}

/**
 * The inverse of `packStep`, with the reports of the parts added up; their losses must be weighted by the parts' shares
 * already.
 */
export function unpackStep(values: Float32Array, parts: number, model: Layout): StepOutcome {
  const E = model.config.nRoutedExperts;
  const sums = sumRows(values.subarray(1 + model.expertBiases.size * E), parts);
  const { counts, ...losses } = unpackReport(sums, model);
  return {
    ...losses,
    gradNorm: values[0] ?? Number.NaN,
    load: [...counts].map(([layer, c], i) => layerLoad(layer, c, values.subarray(1 + i * E, 1 + (i + 1) * E))),
  };
}

/** Reads the numbers of a step. Biases are the current ones. */
export async function readReports(
  reports: readonly tf.Tensor1D[],
  norm: tf.Scalar,
  model: Layout,
): Promise<StepOutcome> {
  const packed = packStep(norm, reports, model);
  const values = await packed.data<'float32'>();
  packed.dispose();
  return unpackStep(values, reports.length, model);
}

/** The selections per expert of all layers in a report [P]: a tensor [L, E]. */
export function countsOf(report: tf.Tensor1D, { config, expertBiases }: Layout): tf.Tensor2D {
  const { numNextnPredictLayers: depths, nRoutedExperts: E } = config;
  const layers = expertBiases.size;
  return tf.reshape(tf.slice(report, 3 + depths, layers * E), [layers, E]);
}

/** The sum of `rows` rows of equal length, in double precision. */
function sumRows(values: ArrayLike<number>, rows: number): number[] {
  const width = values.length / rows;
  return Array.from({ length: width }, (_, column) => {
    let sum = 0;
    for (let row = 0; row < rows; row++) sum += values[row * width + column] ?? 0;
    return sum;
  });
}
