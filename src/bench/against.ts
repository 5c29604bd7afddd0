// What a setting costs: steps with it and without it, in turns, so that a machine that is busy for a while is so for
// both.

import type { ModelConfig } from '../config/model-config.ts';
import type { TrainConfig } from '../config/train-config.ts';
import { createLearner, disposeLearner } from '../train/learner.ts';
import { trainStep } from '../train/train-step.ts';
import { randomBatch, steadyPlan } from './step.ts';
import { median } from './timing.ts';

/** Model and training of one side. */
export interface Side {
  readonly model: ModelConfig;
  readonly train: TrainConfig;
}

/** Medians of one side, and in `cost` of the other side divided by it, pair by pair, less 1. */
export interface Comparison {
  /** Pairs of steps that were timed. */
  readonly pairs: number;
  readonly msPerStep: number;
  readonly cost: number;
  /** The same for what all threads computed, in which waiting for a core does not count. */
  readonly cpuMsPerStep: number;
  readonly cpuCost: number;
}

const leastPairs = 15;
const warmUpPairs = 5;

interface Time {
  readonly wall: number;
  readonly cpu: number;
}

/**
 * Times steps of `other` against steps of `one` on the active backend, in the order one, other, other, one. `pairs`
 * null: at least 15.
 */
export async function benchAgainst(one: Side, other: Side, pairs: number | null): Promise<Comparison> {
  const sides = [one, other].map(({ model, train }) => {
    const learner = createLearner({ model, train });
    const [batch, plan] = [randomBatch(model, train), steadyPlan(train)];
    return { learner, step: () => trainStep(learner, batch, plan, train) };
  });
  const times: [Time[], Time[]] = [[], []];
  try {
    const count = pairs ?? leastPairs;
    for (let pair = -Math.min(count, warmUpPairs); pair < count; pair++) {
      for (const side of pair % 2 === 0 ? ([0, 1] as const) : ([1, 0] as const)) {
        const time = await timed(sides[side]!.step);
        if (pair >= 0) times[side].push(time);
      }
    }
  } finally {
    for (const { learner } of sides) disposeLearner(learner);
  }
  return summarize(times);
}

async function timed(step: () => Promise<unknown>): Promise<Time> {
  const [start, cpuBefore] = [performance.now(), process.cpuUsage()];
  await step();
  const { user, system } = process.cpuUsage(cpuBefore);
  return { wall: performance.now() - start, cpu: (user + system) / 1000 };
}

function summarize([one, other]: readonly [readonly Time[], readonly Time[]]): Comparison {
  const cost = (of: (time: Time) => number) => median(other.map((time, i) => of(time) / of(one[i]!))) - 1;
  return {
    pairs: one.length,
    msPerStep: median(one.map(({ wall }) => wall)),
    cost: cost(({ wall }) => wall),
    cpuMsPerStep: median(one.map(({ cpu }) => cpu)),
    cpuCost: cost(({ cpu }) => cpu),
  };
}
