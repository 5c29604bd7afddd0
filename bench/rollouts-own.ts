// Rollouts here, in a process of its own: `bench/rollouts.ts` starts it. One line of JSON. The model is written to a
// folder first, for the other side to read.

import { existsSync } from 'node:fs';
import { parseArgs } from 'node:util';
import '../src/node.ts';
import { activateBackend } from '../src/backends/backends.ts';
import { median } from '../src/bench/timing.ts';
import { modelPreset } from '../src/config/presets.ts';
import { createRandom } from '../src/data/random.ts';
import { createTokenizer } from '../src/data/tokenizers/create-tokenizer.ts';
import { sampleBatch } from '../src/generate/batch/sample-batch.ts';
import { DeepseekV3ForCausalLM } from '../src/model/causal-lm.ts';
import { miniatureModel } from '../src/post-training/miniature.ts';
import { saveModel } from '../src/train/save-model.ts';

/** What both sides print. */
export interface RolloutResult {
  /** New tokens of all answers over the time of the call, prompts included. */
  readonly tokensPerSecond: number;
  /** The same over the time of all threads of the process, which tells more on a busy machine. */
  readonly tokensPerCpuSecond: number;
}

/** The batch; `pytorch_rollouts.py` has the same numbers. */
const [prompts, promptLength, group, newTokens] = [16, 10, 8, 32];
const [warmUps, calls] = [5, 9];

const { values } = parseArgs({
  options: {
    model: { type: 'string', default: '' },
    preset: { type: 'string', default: 'miniature' },
    threads: { type: 'string' },
  },
});
const base = values.preset === 'miniature' ? miniatureModel : modelPreset(values.preset);
const tokenizer = await createTokenizer('bytes', () => []);
const { vocabSize, bosTokenId, eosTokenId } = tokenizer;
await activateBackend('engine', { threads: Number(values.threads ?? 2) });
const config = { ...base, vocabSize, bosTokenId, eosTokenId, numNextnPredictLayers: 0 };
const model = new DeepseekV3ForCausalLM(config, 0);
if (!existsSync(values.model)) await saveModel(model, tokenizer, values.model);

const ids = Array.from({ length: prompts }, (_, p) =>
  Array.from({ length: promptLength }, (_, i) => (7 * p + i) % 200),
);
const random = createRandom('rollouts');
const [seconds, cpuSeconds]: [number[], number[]] = [[], []];
for (let call = 0; call < warmUps + calls; call++) {
  const [start, cpu] = [performance.now(), process.cpuUsage()];
  // No token ends an answer, so every call has as many.
  await sampleBatch(model, ids, { n: group, random, maxNewTokens: newTokens, endTokenIds: [] });
  if (call < warmUps) continue;
  const { user, system } = process.cpuUsage(cpu);
  seconds.push((performance.now() - start) / 1000);
  cpuSeconds.push((user + system) / 1e6);
}
const tokens = prompts * group * newTokens;
const result: RolloutResult = {
  tokensPerSecond: tokens / median(seconds),
  tokensPerCpuSecond: tokens / median(cpuSeconds),
};
console.log(JSON.stringify(result));
process.exit();
