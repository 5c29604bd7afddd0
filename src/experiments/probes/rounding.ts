// How much an arm's 8-bit recipe changes gradients and sums, and how much memory it takes (F 4, Mini 2, 4 and 6).

import { DeepseekV3ForCausalLM } from '../../model/causal-lm.ts';
import { deepseekParts, type ModelParts } from '../../model/parts.ts';
import { fakeQuantize } from '../../ops/fake-quantize.ts';
import { float32Products, type Products, productsOf } from '../../ops/products.ts';
import type { Accumulator } from '../../precision/accumulate.ts';
import { gemmError, uniform } from '../../precision/gemm-error.ts';
import { byteLedger } from '../../precision/ledger.ts';
import type { Fp8Recipe } from '../../precision/recipe.ts';
import { customOp } from '../../tensor/custom-op.ts';
import { valueAndGrads } from '../../tensor/gradients.ts';
import { createRandom } from '../../tensor/random.ts';
import { tf } from '../../tensor/tf.ts';
import { partsFor } from '../../train/learner.ts';
import { computeLoss } from '../../train/loss.ts';
import { lossInput } from '../../train/micro-batch.ts';
import type { Measurements, TrainedArm } from '../study.ts';
import { recipeOf } from '../variants/precision.ts';
import { openTrained } from './open-trained.ts';

/** Rows and columns of the products whose error is measured: 169 dot products of each depth. */
const gemmSize = 13;

/**
 * The accumulator of an arm's matrix unit. An arm without a recipe sums in float32. The report's recipe and those near
 * it sum in 14 bits and promote the sum every 128 products. The recipe with one scale per tensor sums in 14 bits
 * throughout, since no scale has to be applied before the end.
 */
function accumulatorOf({ arm, train }: TrainedArm): Accumulator {
  const recipe = recipeOf(arm, train.precision);
  if (recipe === null) return { bits: 24, promoteEvery: Infinity };
  return { bits: 14, promoteEvery: recipe.activations.columns === Infinity ? Infinity : 128 };
}

/**
 * `gemmError/K` is the error of sums of K products of uniform numbers, for each depth K. `mebibytes` and
 * `cacheMebibytes` are the memory that a step would take in the arm's formats. `gradientError` and `modelGradientError`
 * are there for an arm that rounds gradients.
 */
export async function probeRounding(trained: TrainedArm, depths: readonly number[]): Promise<Measurements> {
  const { arm, train } = trained;
  const random = createRandom(train.seed);
  const accumulator = accumulatorOf(trained);
  const recipe = recipeOf(arm, train.precision);
  const rows = bytesByRow(trained);
  return {
    ...Object.fromEntries(depths.map((K) => [`gemmError/${K}`, gemmError(K, uniform, accumulator, random, gemmSize)])),
    mebibytes: mebibytes(rows),
    cacheMebibytes: mebibytes(rows.filter(({ purpose }) => purpose === 'cache')),
    ...(recipe === null ? {} : await gradientErrors(trained, recipe)),
  };
}

/** Bytes by purpose, in the arm's own formats; the moments are in BF16 for the arm that trains with such moments. */
function bytesByRow({ arm, model, train }: TrainedArm) {
  const format = recipeOf(arm, train.precision) === null ? 'float32' : 'fp8';
  const formatOf = (purpose: string) => (purpose === 'moments' && arm.variant === 'bfloat16-moments' ? 'fp8' : format);
  return byteLedger(model, train.batchSize * train.seqLen).map(({ purpose, bytes }) => {
    return { purpose, bytes: bytes[formatOf(purpose)] };
  });
}

const mebibytes = (rows: readonly { readonly bytes: number }[]) =>
  rows.reduce((sum, { bytes }) => sum + bytes, 0) / 2 ** 20;

/**
 * `gradientError`: the relative error that rounding makes in the gradients that reach the linear layers, the mean over
 * layers. `modelGradientError`: that of the gradient of all parameters together, as the arm computes it. Both are of the
 * arm's trained weights, on a batch of held-out text.
 */
async function gradientErrors(trained: TrainedArm, { gradients: quantizer }: Fp8Recipe): Promise<Measurements> {
  const { model: loaded, dataset } = await openTrained(trained);
  const weights = await loaded.exportTensors();
  const [batch] = dataset.heldOutBatches(0, trained.train.batchSize, 1);
  const gradientOf = (parts: ModelParts) => {
    const model = new DeepseekV3ForCausalLM(loaded.config, 0, parts);
    model.importTensors(weights);
    const terms = { mtpWeight: 0, balancing: 'none', balanceLossFactor: 0 } as const;
    const loss = () => computeLoss(model, lossInput(batch!, false), terms).total;
    const { value, grads } = valueAndGrads(loss, [...model.parameters.values()]);
    const flat = tf.tidy(() => tf.concat1d(grads.map((grad) => tf.reshape<tf.Rank.R1>(grad, [-1]))));
    tf.dispose([value, ...grads]);
    model.dispose();
    return flat;
  };
  const errors: number[] = [];
  const watched = watchGradients((dy) => errors.push(relativeError(fakeQuantize(dy, quantizer), dy)));
  const exact = gradientOf({ ...deepseekParts, products: watched });
  const rounded = gradientOf({ ...partsFor(trained.train), ...trained.variant.parts?.model });
  const modelGradientError = relativeError(rounded, exact);
  tf.dispose([exact, rounded]);
  loaded.dispose();
  return { gradientError: errors.reduce((sum, error) => sum + error, 0) / errors.length, modelGradientError };
}

/** Products in float32 that call `see` with the gradient of every linear layer's output. */
function watchGradients(see: (dy: tf.Tensor2D) => void): Products {
  const linear: Products['linear'] = (x, weight) => {
    const plain = float32Products.linear(x, weight);
    const [y] = customOp({
      inputs: { y: plain },
      forward: () => [tf.clone(plain)],
      backward: ([dy]) => {
        see(dy as tf.Tensor2D);
        return { y: tf.clone(dy!) };
      },
    });
    return y as tf.Tensor2D;
  };
  return productsOf({ linear, experts: float32Products.experts });
}

function relativeError(rounded: tf.Tensor, exact: tf.Tensor): number {
  return tf.tidy(() => {
    const error = tf.div(tf.norm(tf.sub(rounded, exact)), tf.maximum(tf.norm(exact), 1e-30));
    return error.dataSync()[0]!;
  });
}
