// Where the time of a training step on WebGPU goes: steps that are waited for and steps that are not, in turns; then
// the commands of one step, given to the GPU again, all together and each kernel's alone. Then the same of decoding, a
// token at a time, and how fast the decoder writes and reads.
// `npm run bench:webgpu -- peer-a`; it needs `npm install --no-save webgpu` and a GPU.

import '../src/node.ts';
import { activateBackend } from '../src/backends/backends.ts';
import { randomBatch, steadyPlan } from '../src/bench/step.ts';
import { modelPreset, trainPreset } from '../src/config/presets.ts';
import { createDecoder } from '../src/generate/decoder/create-decoder.ts';
import { createRandom } from '../src/tensor/random.ts';
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

/** Prints how long these commands take, and each kernel's alone. */
async function report(name: string, list: readonly Dispatch[]): Promise<void> {
  await time(list, 3);
  console.log(`${name}: ${list.length} dispatches, ${(await time(list, 50)).toFixed(3)} ms`);
  const rows: [string, number, number][] = [];
  for (const kernel of new Set(list.map(({ pipeline }) => pipeline.label))) {
    const own = list.filter(({ pipeline }) => pipeline.label === kernel);
    await time(own, 2);
    rows.push([kernel || 'without a name', own.length, await time(own, 30)]);
  }
  for (const [kernel, count, ms] of rows.sort((a, b) => b[2] - a[2])) {
    console.log(`${ms.toFixed(3).padStart(8)} ms ${String(count).padStart(4)} x ${kernel}`);
  }
}

await report(`a step of ${preset}`, dispatches);

const random = createRandom(1);
const filters = { temperature: 0, topK: 0, topP: 1, minP: 0 };

/** Greedy decoding of `texts` texts at once: rates over 256 tokens of each, and what a token's commands take. */
async function decode(texts: number): Promise<void> {
  const decoder = createDecoder(learner.model, { slots: texts });
  const { writer } = decoder;
  if (writer === undefined) throw new Error('this decoder chooses no tokens itself');
  const prompt = Array.from({ length: 256 }, () => Math.floor(random() * model.vocabSize));
  const inputs = Array.from({ length: texts }, (_, slot) => ({ slot, token: 1, filters, random: () => 0 }));
  const fill = async () => {
    for (const { slot } of inputs) decoder.truncate(slot, 0);
    for (const { slot } of inputs) await decoder.forward([{ slot, tokens: prompt, logits: 'last' }]);
  };
  await fill();
  const start = performance.now();
  await fill();
  const prefill = performance.now() - start;
  await writer.write(inputs, 16, 0);
  for (const rounds of [1, 8, 32, 64]) {
    await fill();
    const began = performance.now();
    for (let written = 0; written < 256; written += rounds) await writer.write(inputs, rounds, 0);
    const rate = (256 * texts * 1000) / (performance.now() - began);
    console.log(`${texts} texts, ${rounds} tokens a look: ${rate.toFixed(0)} tokens/s`);
  }
  console.log(`prompts: ${((256 * texts * 1000) / prefill).toFixed(0)} tokens/s`);
  const round: Dispatch[] = [];
  await fill();
  // A list of dispatches is recorded each time it is made or given again.
  await writer.write(inputs, 1, 0);
  commands.record(round);
  await writer.write(inputs, 1, 0);
  commands.record(null);
  await report(`a token of ${texts} texts`, round);
  decoder.dispose();
}

for (const texts of [1, 8, 64]) await decode(texts);
process.exit(0);
