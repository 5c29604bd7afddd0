// Example 9: a needle in a text that is far longer than any the model was trained on.
//
// It teaches what YaRN does: no weight changes, only how fast the rotary pairs turn. A model that has learned at 64
// tokens to find `k3` (the key k has the value 3) in noise, and to answer `K` with 3, is asked at 64, 256 and 1,024
// tokens: as it is, and extended. `tinyseek extend` does the same with your own model, and tunes it; the study
// `long-context` measures more than the needle.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { extendModel, loadModel, measureNeedle, modelPreset, recallDataset, train, trainPreset } from 'tinyseek';

const runDir = join(mkdtempSync(join(tmpdir(), 'tinyseek-')), 'run');
const settings = { ...trainPreset('tiny'), seqLen: 64, batchSize: 32, steps: 300, evalEvery: 0, sampleTokens: 0 };
const small = { hiddenSize: 64, intermediateSize: 128, numHiddenLayers: 2, numAttentionHeads: 2, qkRopeHeadDim: 32 };
const plain = { nRoutedExperts: 4, numExpertsPerTok: 1, nGroup: 1, topkGroup: 1, qLoraRank: null, vHeadDim: 32 };
const shape = { ...small, ...plain, qkNopeHeadDim: 16, numNextnPredictLayers: 0 };
const { checkpoint } = await train({
  // 2,048 positions: more than were ever used in training.
  model: { ...modelPreset('tiny'), ...shape, maxPositionEmbeddings: 2048 },
  train: settings,
  dataset: recallDataset(settings),
  backend: 'auto',
  backendOptions: { threads: 1 },
  runDir,
});

const { model } = loadModel(checkpoint);
const yarn = await extendModel(model, { factor: 32, trainedLength: 64 });
const depths = [0, 0.5, 1];
console.log(`Share of needles found, by length and depth (${depths.join(', ')} from start to end)`);
for (const [name, extended] of [
  ['as trained', model],
  ['with YaRN', yarn],
] as const) {
  for (const length of [64, 256, 1024]) {
    const shares: number[] = [];
    for (const depth of depths) shares.push(await measureNeedle(extended, depth, { length, rows: 24, seed: 0 }));
    const texts = shares.map((share) => `${Math.round(100 * share)} %`.padStart(6));
    console.log(`  ${name.padEnd(10)} ${String(length).padStart(5)} tokens ${texts.join('')}`);
  }
}
yarn.dispose();
model.dispose();
rmSync(runDir, { recursive: true, force: true });
