// Example 4: how many numbers a model must remember per token, with multi-head latent attention and without.
//
// It teaches why MLA exists. While a model writes, ordinary multi-head attention (MHA) keeps a key and a value of every
// head for every token so far. MLA keeps one compressed latent (`kvLoraRank` numbers) and one rotary key that all heads
// share (`qkRopeHeadDim` numbers), and reads keys and values from those. Counting needs neither weights nor a backend.

import { countParameters, modelPreset } from 'tinyseek';

const models = ['deepseek-v3', 'deepseek-v2', 'deepseek-v2-lite', 'small', 'tiny'].map((name) => {
  const config = modelPreset(name);
  return { name, config, counts: countParameters(config) };
});

/** One line of a table: the first cell to the left, the others to the right. */
function line(first: string, ...cells: (string | number)[]): string {
  return first.padEnd(16) + cells.map((cell) => String(cell).padStart(12)).join('');
}

console.log('Parameters in millions: all of them, and those that one token passes through\n');
console.log(line('', 'total', 'active', 'share'));
for (const { name, counts } of models) {
  const [total, active] = [counts.total / 1e6, counts.active / 1e6];
  console.log(line(name, total.toFixed(1), active.toFixed(1), `${((100 * active) / total).toFixed(1)} %`));
}

console.log('\nNumbers to remember per token and layer\n');
console.log(line('', 'latent', 'rotary key', 'MLA', 'MHA', 'MHA / MLA'));
for (const { name, config, counts } of models) {
  const { kvCacheElementsPerTokenPerLayer: mla, mhaCacheElementsPerTokenPerLayer: mha } = counts;
  console.log(line(name, config.kvLoraRank, config.qkRopeHeadDim, mla, mha, (mha / mla).toFixed(1)));
}

const contextLength = 128 * 1024;
const bytesPerNumber = 2; // bfloat16
console.log('\nMemory of one text of 128K tokens in bfloat16, all layers, in GiB; one # is 8 GiB\n');
for (const { name, config, counts } of models) {
  const caches = { MLA: counts.kvCacheElementsPerTokenPerLayer, MHA: counts.mhaCacheElementsPerTokenPerLayer };
  for (const [kind, numbers] of Object.entries(caches)) {
    const size = (numbers * config.numHiddenLayers * contextLength * bytesPerNumber) / 2 ** 30;
    console.log(`${line(`${name} ${kind}`.padEnd(21), size.toFixed(2))} ${'#'.repeat(Math.round(size / 8))}`);
  }
}

const v3 = modelPreset('deepseek-v3');
const heads = (v3.kvLoraRank + v3.qkRopeHeadDim) / (v3.qkNopeHeadDim + v3.vHeadDim);
console.log(`\nDeepSeek-V3 remembers what ${heads} of its ${v3.numAttentionHeads} heads would need under MHA.`);
console.log('\nNext: change `kvLoraRank` (`{ ...modelPreset(name), kvLoraRank: 256 }`) and count again.');
