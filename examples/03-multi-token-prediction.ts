// Example 3: what multi-token prediction (MTP) reads, what it must predict, and how that becomes one loss.
//
// It teaches the alignment of the labels on a row of six tokens. The main model (depth 0) predicts the next token. Depth
// k predicts k tokens further: at position i it reads the hidden state of depth k - 1 and the embedding of token i + k,
// and its label is token i + k + 1. Each depth has one position less, and nothing is padded.

import {
  AdamW,
  activateBackend,
  computeLoss,
  DeepseekV3ForCausalLM,
  embeddingsAtDepth,
  labelsAtDepth,
  modelPreset,
  tf,
  trainPreset,
  valueAndGrads,
} from 'tinyseek';

await activateBackend('auto');
const words = ['the', 'whale', 'swam', 'under', 'our', 'ship'];
const ids = tf.tensor2d([[0, 1, 2, 3, 4, 5]], undefined, 'int32'); // one row: five inputs and, one further, five labels
const inputs = tf.slice(ids, [0, 0], [1, 5]);

// An "embedding" of width one that is the token's own id shows which embedding a depth reads.
const embeddings = tf.reshape<tf.Rank.R3>(inputs, [1, 5, 1]);
for (const depth of [0, 1, 2]) {
  const read = embeddingsAtDepth(embeddings, depth).dataSync();
  const labels = labelsAtDepth(ids, depth).dataSync();
  console.log(`\ndepth ${depth} reads`);
  for (const [i, label] of labels.entries()) {
    const hidden = depth === 0 ? '' : `the hidden state of depth ${depth - 1} at ${words[i]?.padEnd(5)} and `;
    console.log(`  ${i}: ${hidden}the embedding of ${words[read[i] ?? 0]?.padEnd(5)} -> ${words[label]}`);
  }
}

const lambda = 0.3; // weight of the MTP term in the first part of the report's training
const config = { ...modelPreset('tiny'), vocabSize: words.length, hiddenSize: 32, numHiddenLayers: 2 };
const model = new DeepseekV3ForCausalLM({ ...config, numNextnPredictLayers: 2 }, 7);
const optimizer = new AdamW(model.parameters, trainPreset('tiny'));
const input = { ids, documentIds: null };
const weights = { mtpWeight: lambda, balancing: 'none', balanceLossFactor: 0 } as const;

console.log(`\nloss per depth while learning this one row; blind guessing costs ln 6 = ${Math.log(6).toFixed(3)}`);
console.log('step   main  depth 1  depth 2  main + 0.3 * mean of depths  total of computeLoss');
for (let step = 0; step <= 20; step++) {
  tf.tidy(() => {
    if (step % 4 === 0) {
      const { main, mtp, total } = computeLoss(model, input, weights);
      const [m = 0, d1 = 0, d2 = 0] = [main, ...mtp].map((loss) => loss.dataSync()[0] ?? 0);
      const sum = m + (lambda * (d1 + d2)) / 2;
      const cells = [m, d1, d2].map((loss) => loss.toFixed(3).padStart(7)).join('  ');
      const totals = [sum, total.dataSync()[0] ?? 0].map((loss) => loss.toFixed(3).padStart(12)).join('           ');
      console.log(`${String(step).padStart(4)}${cells}${totals}`);
    }
    const { grads } = valueAndGrads(() => computeLoss(model, input, weights).total, [...model.parameters.values()]);
    const names = [...model.parameters.keys()];
    optimizer.update(new Map(grads.map((grad, i) => [names[i] ?? '', grad])), 3e-3, tf.scalar(1));
  });
}
optimizer.dispose();
model.dispose();

console.log('\nNext: give the row two documents (`documentIds`) and see which labels no longer count.');
