// Example 6: a training loop of your own, with a metric of your own and without the trainer.
//
// It teaches the four calls that make a training step (`computeLoss`, `valueAndGrads`, `AdamW.update` and
// `updateExpertBias`), how to take the gradients apart (`pullback` and the stages of a model), and who owns which tensor. TF.js tensors are not garbage-collected: what a function returns is
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
  type LossInput,
  labelLoss,
  labelsAtDepth,
  labelsOf,
  modelPreset,
  pullback,
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
    const input = { ids: idsOf(batch), documentIds: null }; // `labelWeights` would say what each token counts for
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

/**
 * Gradients of the main model's loss stage by stage. No stage knows another: it is given the output of the one before, and
 * later the gradient that the one after has made. A pipeline runs its stages so, each on a device of its own, and makes the
 * gradients of the weights when nothing else is waiting.
 */
function gradientsByStages(input: LossInput): tf.Tensor[] {
  const { embedding, blocks, head } = model.stages;
  const T = input.ids.shape[1] - 1;
  const ids = tf.slice(input.ids, [0, 0], [-1, T]);
  const embed = pullback(() => embedding.apply(ids), [], [...embedding.parameters.values()]);
  let x = embed.value;
  const attend = model.attendWithin(T, null);
  const middle = blocks.map((block) => {
    const pass = pullback((x) => block.apply(x, attend), [x], [...block.parameters.values()]);
    x = pass.value.hidden;
    return pass;
  });
  const lossOf = (x: tf.Tensor3D) => labelLoss(head.apply(x).hidden, head.weight, labelsOf(input, 0));
  const last = pullback(lossOf, [x], [...head.parameters.values()]);

  let [dx] = last.backwardInputs(tf.scalar(1));
  for (const pass of middle.toReversed()) [dx] = pass.backwardInputs({ hidden: dx });
  embed.backwardInputs(dx as tf.Tensor3D);
  return [embed, ...middle, last].flatMap((pass) => pass.backwardWeights());
}

/** How many numbers of these gradients differ from those that `valueAndGrads` makes at once. */
function compareStages(batch: Batch): { total: number; different: number } {
  return tf.tidy(() => {
    const input = { ids: idsOf(batch), documentIds: null };
    const loss = () => computeLoss(model, input, { ...settings, mtpWeight: 0 }).main;
    const atOnce = valueAndGrads(loss, [...model.parameters.values()]).grads.map((grad) => grad.dataSync());
    const byStages = gradientsByStages(input).map((grad) => grad.dataSync());
    const different = byStages.map((grad, i) => grad.filter((g, at) => g !== atOnce[i]![at]).length);
    const sum = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0);
    return { total: sum(byStages.map(({ length }) => length)), different: sum(different) };
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
const { total, different } = compareStages(dataset.trainBatch(0, 8));
console.log(`\nGradients stage by stage: ${different} of ${total} numbers differ from those made at once.`);
optimizer.dispose();
model.dispose();

console.log('\nNext: take the `tf.tidy` out of `accuracy` and watch the number of tensors.');
