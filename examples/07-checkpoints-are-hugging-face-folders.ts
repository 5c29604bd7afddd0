// Example 7: what a checkpoint is made of, and how to use one.
//
// It teaches that a checkpoint folder is a Hugging Face model folder: `config.json` with their keys, `model.safetensors`
// with their tensor names, `tokenizer.json`. transformers loads it as it is. Two files more (`optimizer.safetensors`,
// `trainer.json`) are ours and carry what is needed to resume the run bit for bit.

import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadModel, modelPreset, scoreTokens, train, trainPreset } from 'tinyseek';

const runDir = mkdtempSync(join(tmpdir(), 'tinyseek-'));
const small = { hiddenSize: 32, numHiddenLayers: 2, nRoutedExperts: 8, numExpertsPerTok: 2 };
const short = { tokenizer: 'bpe:512', steps: 30, batchSize: 4, seqLen: 64, heldOutFraction: 0.01, sampleTokens: 0 };
const { checkpoint } = await train({
  model: { ...modelPreset('tiny'), ...small },
  train: { ...trainPreset('tiny'), ...short, learningRate: 1e-2 },
  backend: 'auto',
  runDir,
});

console.log('The folder, sizes in bytes');
for (const name of readdirSync(checkpoint)) {
  console.log(`  ${String(statSync(join(checkpoint, name)).size).padStart(8)}  ${name}`);
}

const config: Record<string, unknown> = JSON.parse(readFileSync(join(checkpoint, 'config.json'), 'utf8'));
const shapeKeys = Object.keys(config).filter((key) => /rank|head_dim|expert|layers/.test(key));
console.log(`\nconfig.json, some of its ${Object.keys(config).length} keys`);
for (const key of shapeKeys) console.log(`  ${key}: ${JSON.stringify(config[key])}`);

// A safetensors file: eight bytes with the length of a JSON header, the header, the numbers.
const bytes = readFileSync(join(checkpoint, 'model.safetensors'));
const header: Record<string, { dtype: string; shape: number[] }> = JSON.parse(
  bytes.toString('utf8', 8, 8 + Number(bytes.readBigUInt64LE(0))),
);
const tensors = Object.entries(header).filter(([name]) => name !== '__metadata__');
const isShown = (name: string) => /layers\.1\.self_attn|layers\.1\.mlp\.(gate|experts\.0)|^lm_head/.test(name);
console.log(`\nmodel.safetensors, some of its ${tensors.length} tensors`);
for (const [name, { dtype, shape }] of tensors.filter(([name]) => isShown(name))) {
  console.log(`  ${dtype} ${JSON.stringify(shape).padEnd(9)} ${name}`);
}

const { model, tokenizer, warnings } = loadModel(checkpoint);
for (const warning of warnings) console.log(warning);
const text = 'Call me Ishmael. The whale is in the sea.';
const { eosTokenId } = tokenizer; // a document begins where another one ended
const ids = [...(eosTokenId === null ? [] : [eosTokenId]), ...tokenizer.encode(text)];
const logprobs = (await scoreTokens(model, ids)).map((logprob) => logprob ?? 0); // null for the first: nothing precedes it
console.log('\nProbability of each token given those before it; one # is what blind guessing gives, 1/512');
for (const [i, id] of ids.entries()) {
  if (i === 0) continue;
  const probability = Math.exp(logprobs[i] ?? Number.NaN);
  const percent = (100 * probability).toFixed(1).padStart(5);
  console.log(
    `  ${JSON.stringify(tokenizer.decode([id])).padEnd(9)} ${percent} % ${'#'.repeat(Math.round(512 * probability))}`,
  );
}
const bits = -logprobs.reduce((a, b) => a + b, 0) / Math.LN2;
console.log(`  together ${bits.toFixed(0)} bits, ${(bits / Buffer.byteLength(text)).toFixed(2)} per byte`);
model.dispose();
rmSync(runDir, { recursive: true });

console.log('\nNext: train longer, and load the folder in Python: AutoModelForCausalLM.from_pretrained(folder).');
