// Where the time of a training step on WebGPU goes: steps that are waited for and steps that are not, in turns; then
// the commands of one step, given to the GPU again, all together and each kernel's alone.
// `npm run bench:webgpu -- peer-a`; it needs `npm install --no-save webgpu` and a GPU.

import '../src/node.ts';
import { activateBackend } from '../src/backends/backends.ts';
import { randomBatch, steadyPlan } from '../src/bench/step.ts';
import { modelPreset, trainPreset } from '../src/config/presets.ts';
import { createLearner } from '../src/train/learner.ts';
import { trainStep } from '../src/train/train-step.ts';
import type { Dispatch } from '../src/webgpu/commands.ts';
import { runningWebGpu } from '../src/webgpu/running.ts';

const preset = process.argv[2] ?? 'peer-a';
const [model, train] = [modelPreset(preset), trainPreset(preset)];
await activateBackend('webgpu');
const { commands } = runningWebGpu()!;
const { queue } = commands.device;

const batch = randomBatch(model, train);
const learner = createLearner({ model, train });
const plan = steadyPlan(train);
const step = () => trainStep(learner, batch, plan, train);
for (let i = 0; i < 5; i++) await step(); // the third one is the first that is not recorded

/** Milliseconds of a step whose numbers are waited for before the next one is given to the GPU. */
async function waiting(steps: number): Promise<number> {
  const start = performance.now();
  for (let i = 0; i < steps; i++) await step();
  return (performance.now() - start) / steps;
}

/** The same where the next one is given first, as in a run. */
async function ahead(steps: number): Promise<number> {
  const start = performance.now();
  let current = step();
  for (let i = 1; i < steps; i++) {
    const next = step();
    await current;
    current = next;
  }
  await current;
  return (performance.now() - start) / steps;
}

await ahead(20);
const rounds = [];
for (let i = 0; i < 3; i++) rounds.push({ waiting: await waiting(100), ahead: await ahead(100) });
for (const [i, round] of rounds.entries()) {
  const [first, second] = [round.waiting, round.ahead].map((ms) => ms.toFixed(2));
  console.log(`round ${i + 1}: ${first} ms a step that is waited for, ${second} ms where the run is a step ahead`);
}

const dispatches: Dispatch[] = [];
commands.record(dispatches);
await step();
commands.record(null);
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
console.log(`${preset}, the GPU alone: ${dispatches.length} dispatches, ${(await time(dispatches, 50)).toFixed(2)} ms`);
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
