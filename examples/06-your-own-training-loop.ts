// Example 6: a training loop of your own, with a metric of your own and without the trainer.
//
// It teaches the four calls that make a training step (`computeLoss`, `valueAndGrads`, `AdamW.update` and
// `updateExpertBias`) and who owns which tensor. TF.js tensors are not garbage-collected: what a function returns is
// yours to dispose, and `tf.tidy` disposes of whatever is made inside of it.
//
//   bad:   const loss = computeLoss(model, input, weights).total.dataSync()[0];  // keeps every tensor of the pass alive
//   good:  const loss = tf.tidy(() => computeLoss(model, input, weights).total.dataSync()[0]);

import {
  AdamW,
  activateBackend,
  type Batch,
  computeLoss,
  createDataset,
  DeepseekV3ForCausalLM,
  labelsAtDepth,
  modelPreset,
  tf,
  trainPreset,
  updateExpertBias,
  valueAndGrads,
  withVocabulary,
} from 'tinyseek';

await activateBackend('auto');
const settings = { ...trainPreset('tiny'), data: 'math', tokenizer: 'bytes', seqLen: 64, learningRate: 5e-3 };
const dataset = await createDataset(settings);
const shape = { ...modelPreset('tiny'), hiddenSize: 32, numHiddenLayers: 2, nRoutedExperts: 8, numExpertsPerTok: 2 };
const model = new DeepseekV3ForCausalLM(withVocabulary(shape, dataset.tokenizer), settings.seed);
const optimizer = new AdamW(model.parameters, settings);
const names = [...model.parameters.keys()];

function idsOf({ ids, batchSize, seqLen }: Batch): tf.Tensor2D {
  return tf.tensor2d(ids, [batchSize, seqLen + 1], 'int32');
}

/** One optimizer step; returns the loss. */
function trainStep(batch: Batch): number {
  return tf.tidy(() => {
    const input = { ids: idsOf(batch), documentIds: null };
    const loads = new Map<number, tf.Tensor1D>(); // selections per expert, by layer
    const { value, grads } = valueAndGrads(() => {
      const { total, counts } = computeLoss(model, input, { ...settings, mtpWeight: 0.3 });
      for (const load of counts) loads.set(load.layer, tf.keep(load.counts)); // the other tensors go with the tape
      return total;
    }, [...model.parameters.values()]);
    const norm = tf.sqrt(tf.addN(grads.map((grad) => tf.sum(tf.square(grad)))));
    const clip: tf.Scalar = tf.minimum(1, tf.div(settings.maxGradNorm, norm));
    optimizer.update(new Map(grads.map((grad, i) => [names[i] ?? '', grad])), settings.learningRate, clip);
    for (const [layer, counts] of loads) moveBias(layer, counts);
    tf.dispose([...loads.values()]); // `tf.keep` took them out of the hands of `tf.tidy`
    return value.dataSync()[0] ?? Number.NaN;
  });
}

/** Experts of a layer with more than their share become harder to select. */
function moveBias(layer: number, counts: tf.Tensor1D): void {
  const bias = model.expertBiases.get(layer);
  const rule = { speed: 0.01, rule: 'sign', form: 'additive', recenter: false } as const;
  bias?.assign(tf.tensor1d(updateExpertBias(bias.dataSync<'float32'>(), counts.dataSync(), rule)));
}

/** The metric: how often the most likely next token is the right one. */
function accuracy(batch: Batch): number {
  return tf.tidy(() => {
    const ids = idsOf(batch);
    const guesses = tf.argMax(model.logits(tf.slice(ids, [0, 0], [-1, batch.seqLen])), -1);
    return tf.mean(tf.cast(tf.equal(guesses, labelsAtDepth(ids, 0)), 'float32')).dataSync()[0] ?? Number.NaN;
  });
}

const [heldOut] = dataset.heldOutBatches(0, 8);
console.log('   step tensors  loss  accuracy on held-out text');
for (let step = 1; step <= 40; step++) {
  const loss = trainStep(dataset.trainBatch((step - 1) * 8, 8));
  if (!heldOut || step % 4 !== 0) continue;
  const right = accuracy(heldOut);
  const cells = [step, tf.memory().numTensors, loss.toFixed(2)].map((cell) => String(cell).padStart(7)).join('');
  console.log(`${cells}  ${(100 * right).toFixed(0).padStart(2)} % ${'#'.repeat(Math.round(100 * right))}`);
}
optimizer.dispose();
model.dispose();

console.log('\nNext: take the `tf.tidy` out of `accuracy` and watch the number of tensors.');
