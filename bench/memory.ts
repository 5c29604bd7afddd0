// `node bench/memory.ts [pairs]`: what recomputation and the average of the weights cost, as a share of the processor
// time of a training step, into a results file. Time that other programs take does not count in it.

import '../src/node.ts';
import { activateBackend } from '../src/backends/backends.ts';
import { randomBatch, steadyPlan } from '../src/bench/step.ts';
import { median } from '../src/bench/timing.ts';
import { modelPreset, trainPreset } from '../src/config/presets.ts';
import { createLearner, disposeLearner } from '../src/train/learner.ts';
import { trainStep } from '../src/train/train-step.ts';
import { writeResults } from './machine.ts';

/** Milliseconds of processor time, of all threads, that `run` takes. */
async function processorTime(run: () => unknown): Promise<number> {
  const before = process.cpuUsage();
  await run();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

/** Medians over pairs of steps in turns: one with an average of the weights, the other with recomputation. */
async function measure(preset: 'peer-a' | 'peer-b', pairs: number) {
  const model = modelPreset(preset);
  const plain = trainPreset(preset);
  const [averaging, recomputing] = [
    { ...plain, emaDecay: 0.999 },
    { ...plain, recompute: 'selective' as const },
  ].map((train) => ({ train, learner: createLearner({ model, train }) })) as [Side, Side];
  const [batch, plan] = [randomBatch(model, plain), steadyPlan(plain)];
  const step = ({ learner, train }: Side) => processorTime(() => trainStep(learner, batch, plan, train));
  // The step without its average, and the average by itself: their difference is smaller than what a step varies by.
  const { average } = averaging.learner;
  const withoutAverage: Side = { ...averaging, learner: { ...averaging.learner, average: null } };
  const found: { readonly plain: number; readonly average: number; readonly recompute: number }[] = [];
  for (let pair = -3; pair < pairs; pair++) {
    const isEven = pair % 2 === 0;
    const first = await step(isEven ? withoutAverage : recomputing);
    const ofAverage = await processorTime(() => average!.update());
    const second = await step(isEven ? recomputing : withoutAverage);
    const [plain, recompute] = isEven ? [first, second] : [second, first];
    if (pair >= 0) found.push({ plain, average: ofAverage / plain, recompute: recompute / plain - 1 });
  }
  for (const { learner } of [averaging, recomputing]) disposeLearner(learner);
  return {
    preset,
    pairs,
    cpuMsPerStep: median(found.map(({ plain }) => plain)),
    cpuPercent: {
      average: 100 * median(found.map(({ average }) => average)),
      recompute: 100 * median(found.map(({ recompute }) => recompute)),
    },
  };
}

interface Side {
  readonly train: ReturnType<typeof trainPreset>;
  readonly learner: ReturnType<typeof createLearner>;
}

const pairs = Number(process.argv[2] ?? 15);
const { threads, engineVariant } = await activateBackend('engine', { threads: 1 });
const sizes = [];
for (const preset of ['peer-a', 'peer-b'] as const) {
  const result = await measure(preset, pairs);
  console.log(JSON.stringify(result));
  sizes.push(result);
}
console.log(writeResults('memory', { threads, engineVariant, sizes }));
