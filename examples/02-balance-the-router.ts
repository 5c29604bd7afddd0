// Example 2: the same small mixture of experts trained twice, with and without the balancing bias.
//
// It teaches what auxiliary-loss-free balancing does. The router of a layer sends each token to 2 of 8 experts. Left
// alone (`none`) it may favour a few. With `bias`, after every step an expert that got more than its share is made a
// little harder to select, and one that got less a little easier; no gradient is involved. MaxVio says how far the busiest
// expert lies above the mean load: 0 is perfect balance, 1 is twice the mean, 3 the worst that 2 of 8 can give.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Balancing, loadStatistics, modelPreset, train, trainPreset } from 'tinyseek';

const steps = 40;
const model = {
  ...modelPreset('tiny'),
  hiddenSize: 32,
  numHiddenLayers: 2, // the first one is dense, so there is one mixture to look at: layer 1
  numAttentionHeads: 2,
  nRoutedExperts: 8,
  numExpertsPerTok: 2,
  nGroup: 1,
  topkGroup: 1,
  numNextnPredictLayers: 0,
};

/** Trains from the same seed on the same text; returns the counts per expert of layer 1 at each step, and the loss. */
async function run(balancing: Balancing) {
  const runDir = mkdtempSync(join(tmpdir(), 'tinyseek-'));
  const counts: (readonly number[])[] = [];
  const result = await train({
    model,
    train: {
      ...trainPreset('tiny'),
      balancing,
      expertBiasUpdateSpeed: 0.01, // ten times the report's: this run has 40 steps, not 100,000
      tokenizer: 'bytes',
      steps,
      batchSize: 8,
      seqLen: 64,
      heldOutFraction: 0.01,
      sampleTokens: 0,
    },
    backend: 'auto',
    runDir,
    onEvent: (event) => {
      if (event.type === 'step') counts.push(...event.load.map((layer) => layer.counts));
    },
  });
  rmSync(runDir, { recursive: true });
  return { counts, evalLoss: result.evalLoss };
}

/** Selections per expert from step `from` to step `to`. */
function addCounts(counts: readonly (readonly number[])[], from: number, to: number): number[] {
  return counts.slice(from, to).reduce<number[]>((sum, step) => step.map((n, i) => n + (sum[i] ?? 0)), []);
}

const withBias = await run('bias');
const without = await run('none');

console.log('MaxVio of five steps together');
console.log('steps       bias   none');
for (let from = 0; from < steps; from += 5) {
  const [a, b] = [withBias, without].map((r) => loadStatistics(addCounts(r.counts, from, from + 5)).maxVio.toFixed(2));
  console.log(`${String(from + 1).padStart(2)} to ${String(from + 5).padStart(2)}${a?.padStart(8)}${b?.padStart(7)}`);
}

for (const [name, { counts, evalLoss }] of Object.entries({ bias: withBias, none: without })) {
  const loads = addCounts(counts, steps - 5, steps);
  const mean = loads.reduce((a, b) => a + b, 0) / loads.length;
  console.log(`\n${name}: load per expert in the last five steps, 1.00 is an equal share`);
  for (const [i, load] of loads.entries()) {
    console.log(`  expert ${i}  ${(load / mean).toFixed(2)} ${'#'.repeat(Math.round((20 * load) / mean))}`);
  }
  console.log(`  loss on held-out text: ${evalLoss.toFixed(3)} nats per byte`);
}
console.log(
  '\nCompare the two losses: in so short a run balance hardly matters to them. It matters to how much of the model',
);
console.log('is used: an expert that no token selects gets no gradient, and learns nothing however long the run.');

console.log('\nNext: try the balancing modes `sequence-aux` and `batch-aux` with `balanceLossFactor` at 0.01.');
