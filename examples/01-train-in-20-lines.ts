// Example 1: train a small DeepSeek-V3 on Moby Dick and let it write, in about 20 lines of code.
//
// It teaches the shortest way through the library: the shape of a model, the settings of a run, and a callback that
// hears what happens. Both start from the preset `tiny`, made narrower and shorter so that all of it takes seconds.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { modelPreset, train, trainPreset } from 'tinyseek';

const runDir = mkdtempSync(join(tmpdir(), 'tinyseek-')); // the run's metrics, samples and checkpoints
const result = await train({
  model: { ...modelPreset('tiny'), hiddenSize: 64, numHiddenLayers: 2, nRoutedExperts: 8 },
  train: { ...trainPreset('tiny'), steps: 50, batchSize: 4, seqLen: 64, heldOutFraction: 0.01, sampleTokens: 32 },
  backend: 'auto',
  runDir,
  onEvent: (event) => {
    if (event.type === 'start') console.log(`${event.parameters} parameters, ${event.activeParameters} per token`);
    if (event.type === 'sample') console.log(`\nafter ${event.step} steps it writes ${JSON.stringify(event.text)}\n`);
    if (event.type === 'step' && event.step % 5 === 0) {
      const bar = '#'.repeat(Math.round((event.loss - 5) * 25));
      console.log(`step ${String(event.step).padStart(2)}  loss ${event.loss.toFixed(2)} ${bar}`);
    }
  },
});
const blind = Math.log(1024).toFixed(2); // nats per token of guessing among the whole vocabulary
console.log(`loss on text it never saw: ${result.evalLoss.toFixed(2)}; blind guessing would be ${blind}`);
rmSync(runDir, { recursive: true });

console.log('\nNext: set `steps` to 300 and see how far the loss and the sample get.');
