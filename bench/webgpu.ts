// Where the time of a training step on WebGPU goes: the commands of one step are given to the GPU again, all together
// and each kernel's alone. `npm run bench:webgpu -- peer-a`; it needs `npm install --no-save webgpu` and a GPU.

import '../src/node.ts';
import { activateBackend } from '../src/backends/backends.ts';
import { modelPreset, trainPreset } from '../src/config/presets.ts';
import type { Batch } from '../src/data/types.ts';
import { createRandom } from '../src/tensor/random.ts';
import { createLearner } from '../src/train/learner.ts';
import { planRun } from '../src/train/plan-changes.ts';
import { trainStep } from '../src/train/train-step.ts';
import type { Dispatch } from '../src/webgpu/commands.ts';
import { runningWebGpu } from '../src/webgpu/running.ts';

const preset = process.argv[2] ?? 'peer-a';
const [model, train] = [modelPreset(preset), trainPreset(preset)];
await activateBackend('webgpu');
const { commands } = runningWebGpu()!;
const { queue } = commands.device;

const random = createRandom(1);
const size = train.batchSize * (train.seqLen + 1);
const batch: Batch = {
  batchSize: train.batchSize,
  seqLen: train.seqLen,
  ids: Int32Array.from({ length: size }, () => Math.floor(random() * model.vocabSize)),
  documentIds: new Int32Array(size),
  domains: new Int32Array(train.batchSize),
};
const learner = createLearner({ model, train });
const [plan] = planRun(train);
const step = () => trainStep(learner, batch, plan!, train);
for (let i = 0; i < 5; i++) await step(); // the third one is the first that is not recorded

const dispatches: Dispatch[] = [];
commands.record(dispatches);
await step();
commands.record(null);
commands.submit();
await queue.onSubmittedWorkDone();

/** Milliseconds that the GPU takes for these commands, when it need not wait for the host between repetitions. */
async function time(list: readonly Dispatch[], repetitions: number): Promise<number> {
  const start = performance.now();
  for (let i = 0; i < repetitions; i++) {
    for (const dispatch of list) commands.run(dispatch);
    commands.submit();
  }
  await queue.onSubmittedWorkDone();
  return (performance.now() - start) / repetitions;
}

await time(dispatches, 3);
console.log(`${preset}: ${dispatches.length} dispatches, ${(await time(dispatches, 50)).toFixed(2)} ms`);
const names = [...new Set(dispatches.map(({ pipeline }) => pipeline.label))];
const rows: [string, number, number][] = [];
for (const name of names) {
  const list = dispatches.filter(({ pipeline }) => pipeline.label === name);
  await time(list, 2);
  rows.push([name || 'without a name', list.length, await time(list, 30)]);
}
for (const [name, count, ms] of rows.sort((a, b) => b[2] - a[2])) {
  console.log(`${ms.toFixed(3).padStart(8)} ms ${String(count).padStart(4)} x ${name}`);
}
process.exit(0);
