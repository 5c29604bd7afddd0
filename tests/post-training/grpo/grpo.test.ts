import { beforeAll, describe, expect, it } from 'vitest';
import { activateBackend } from '../../../src/backends/backends.ts';
import { UserError } from '../../../src/errors.ts';
import { loadModelFrom } from '../../../src/generate/load-model.ts';
import { type GrpoOptions, resumeGrpo } from '../../../src/post-training/grpo/grpo.ts';
import { readGrpoRun } from '../../../src/post-training/grpo/recorded.ts';
import { correct } from '../../../src/post-training/rewards/reward.ts';
import { type MemoryStore, memoryStore } from '../../../src/runs/memory-store.ts';
import { tf } from '../../../src/tensor/tf.ts';
import type { TrainEvent } from '../../../src/train/events.ts';
import { resumeRun } from '../../../src/train/trainer.ts';
import { letters, lettersModel, lettersOptions, manyAs, runLetters } from './letters.ts';

let init: MemoryStore;
beforeAll(async () => {
  await activateBackend('engine', { threads: 1 });
  init = await lettersModel();
});

type StepEvent = Extract<TrainEvent, { type: 'step' }>;

/** Runs from the model with random weights; the metrics of each step, and all events. */
async function run(changes: Partial<GrpoOptions> = {}, start = init) {
  const store = memoryStore();
  const events: TrainEvent[] = [];
  const result = await runLetters(start, store, { onEvent: (event) => void events.push(event), ...changes });
  const steps = events.filter((event): event is StepEvent => event.type === 'step').map(({ metrics }) => metrics);
  return { store, events, result, steps };
}

async function weightsOf(store: MemoryStore) {
  const { model } = await loadModelFrom(store);
  const tensors = await model.exportTensors();
  model.dispose();
  return new Map(tensors.map(({ name, data }) => [name, [...data]]));
}

const expectSameWeights = async (a: MemoryStore, b: MemoryStore) =>
  expect(await weightsOf(a)).toEqual(await weightsOf(b));

/** Metrics lines without what depends on the clock. */
const timeless = (lines: readonly object[]) =>
  lines.map((line) => Object.fromEntries(Object.entries(line).filter(([key]) => !/second/.test(key))));

describe('grpo', () => {
  it('learns what is rewarded, and measures before and after', async () => {
    const train = { ...lettersOptions.train, steps: 25, learningRate: 1e-2 };
    const { steps, result } = await run({ train, reward: correct(letters) });
    const mean = (lines: typeof steps) =>
      lines.reduce((sum, line) => sum + Number(line['grpo/reward']), 0) / lines.length;
    expect(mean(steps.slice(-5))).toBeGreaterThan(3 * mean(steps.slice(0, 5)));
    const { before, after } = result.measured!;
    expect(Number(after.passAt1)).toBeGreaterThan(Number(before.passAt1) + 0.3);
    expect(before).toHaveProperty('meanLength');
  });

  it.each([1, 0.7])(
    'sampler and trainer agree on log probabilities within 1e-4 in every step (temperature %s)',
    async (t) => {
      const { steps } = await run({ grpo: { ...lettersOptions.grpo, temperature: t } });
      expect(steps).toHaveLength(6);
      for (const line of steps) expect(line['grpo/logp_difference']).toBeLessThan(1e-4);
    },
  );

  it('writes down the documented numbers of each step', async () => {
    const { steps } = await run();
    const own = Object.keys(steps[0]!).filter((key) => key.startsWith('grpo/'));
    expect(own.sort()).toEqual([
      'grpo/clipped',
      'grpo/ended',
      'grpo/entropy',
      'grpo/kl',
      'grpo/length',
      'grpo/logp_difference',
      'grpo/pass_at_1',
      'grpo/pass_at_group',
      'grpo/reward',
      'grpo/sample_seconds',
      'grpo/sample_tokens_per_second',
      'grpo/silent_groups',
      'grpo/update_seconds',
    ]);
    // The model is its own reference in the first step, up to rounding; later it is not.
    expect(steps[0]!['grpo/kl']).toBeLessThan(1e-9);
    expect(steps[5]!['grpo/kl']).toBeGreaterThan(1e-5);
    expect(steps.every((line) => line['grpo/clipped'] === 0)).toBe(true);
  });

  it('with several updates a step ratios leave 1, and some are clipped', async () => {
    const config = { ...lettersOptions.grpo, updates: 3, clip: 0.01 };
    const { steps } = await run({ grpo: config, train: { ...lettersOptions.train, learningRate: 1e-2 } });
    expect(steps.some((line) => Number(line['grpo/clipped']) > 0.05)).toBe(true);
  });

  it('keeps no reference without beta', async () => {
    const { steps } = await run({ grpo: { ...lettersOptions.grpo, beta: 0 } });
    expect(steps[3]).not.toHaveProperty('grpo/kl');
  });

  it('counts the load of tokens that are read, not of padding', async () => {
    const { steps } = await run({ grpo: { ...lettersOptions.grpo, advantage: 'reward' }, reward: () => 1 });
    for (const line of steps) {
      const counts = line['load/1/counts'] as number[];
      // Prompts of 2 to 5 tokens with the end token before them; all of an answer but its last token is read.
      const [answers, group] = [15, 5];
      const selections = counts.reduce((sum, count) => sum + count, 0);
      const prompts = selections / 4 - answers * (Number(line['grpo/length']) - 1);
      expect(prompts / group).toBeCloseTo(Math.round(prompts / group), 3);
      expect(prompts / answers).toBeGreaterThanOrEqual(2);
      expect(prompts / answers).toBeLessThanOrEqual(5);
    }
  });

  it('property: same seed, same bits; another seed, others', async () => {
    const [first, second] = [await run(), await run()];
    expect(timeless(second.steps)).toEqual(timeless(first.steps));
    await expectSameWeights(first.store, second.store);
    const other = await run({ train: { ...lettersOptions.train, seed: 5 } });
    expect(timeless(other.steps)).not.toEqual(timeless(first.steps));
  });

  it('property: computed in parts it is the same, up to the order of sums', async () => {
    const whole = await run({ train: { ...lettersOptions.train, steps: 1 } });
    const parts = await run({ train: { ...lettersOptions.train, steps: 1, gradAccumSteps: 3 } });
    const key = 'train/grad_norm';
    expect(Number(parts.steps[0]![key])).toBeCloseTo(Number(whole.steps[0]![key]), 5);
  });

  it.each<[what: string, changes: Partial<GrpoOptions>]>([
    ['one update a step', {}],
    ['several updates a step', { grpo: { ...lettersOptions.grpo, updates: 2 } }],
    ['a critic', { grpo: { ...lettersOptions.grpo, advantage: 'critic', updates: 2 } }],
    ['steps without an update', { reward: (_, text) => Number(text.startsWith('abca')) }],
    [
      'biases that move and an MTP module that is trained along',
      { train: { ...lettersOptions.train, expertBiasUpdateSpeed: 0.01, mtpLossWeight: 0.3, mtpLossWeightFinal: 0.3 } },
    ],
  ])('property: a killed run is carried on to the same bits (%s)', async (_, changes) => {
    const whole = await run(changes);
    const store = memoryStore();
    const killed = runLetters(init, store, {
      ...changes,
      onEvent: (event) => {
        if (event.type === 'step' && event.step === 5) throw new Error('killed');
      },
    });
    await expect(killed).rejects.toThrow('killed');
    const lines: object[] = [];
    const result = await resumeGrpo({
      task: letters,
      reward: changes.reward ?? manyAs,
      store,
      init,
      backendOptions: { threads: 1 },
      onEvent: (event) => {
        if (event.type === 'step') lines.push(event.metrics);
      },
    });
    expect(timeless(lines)).toEqual(timeless(whole.steps.slice(4)));
    expect(result.measured).toEqual(whole.result.measured);
    await expectSameWeights(store, whole.store);
  });

  it('moves biases only where they are to go on, and an MTP module only where it is trained along', async () => {
    const start = await weightsOf(init);
    const frozen = await weightsOf((await run()).store);
    const along = { ...lettersOptions.train, expertBiasUpdateSpeed: 0.01, mtpLossWeight: 0.3, mtpLossWeightFinal: 0.3 };
    const moved = await weightsOf((await run({ train: along })).store);
    const bias = 'model.layers.1.mlp.gate.e_score_correction_bias';
    const module = 'model.layers.2.eh_proj.weight';
    for (const name of [bias, module]) {
      expect(frozen.get(name)).toEqual(start.get(name));
      expect(moved.get(name)).not.toEqual(start.get(name));
    }
  });

  it('a reward that is always the same moves nothing, is counted, and is said once', async () => {
    const { store, events, steps } = await run({ reward: () => 0.1, train: { ...lettersOptions.train, steps: 8 } });
    expect(steps.map((line) => line['grpo/silent_groups'])).toEqual(Array.from({ length: 8 }, () => 3));
    const warnings = events.flatMap((event) => (event.type === 'warning' ? [event.message] : []));
    expect(warnings.filter((message) => message.includes('nothing was learned'))).toEqual([
      'In 5 steps nothing was learned: every answer got the reward 0.1. If that goes on, look at the answers and the ' +
        'reward, or start from a model that solves some problems of letters.',
    ]);
    await expectSameWeights(store, init);
  });

  it('a reward that cannot be used ends the run, which keeps what was learned before', async () => {
    let calls = 0;
    const store = memoryStore();
    const reward: GrpoOptions['reward'] = (_, text) => (++calls > 3 * 15 ? Number.NaN : text.length);
    const failed = runLetters(init, store, { reward });
    await expect(failed).rejects.toThrow(UserError);
    await expect(failed).rejects.toThrow(/expected a finite number, found NaN.*the last good checkpoint is .*step-0*3/);
    const result = await resumeGrpo({ task: letters, reward: (_, text) => text.length, store, init });
    expect(result).toMatchObject({ steps: 6, finished: true });
  });

  it('a verifier that throws ends the run with one message', async () => {
    const broken = { ...letters, isRight: () => JSON.parse('{') as boolean };
    await expect(run({ task: broken, reward: () => 1 })).rejects.toThrow('the verifier, at the completion');
  });

  it('leak: leaves no tensor behind', async () => {
    await run();
    const before = tf.memory().numTensors;
    await run({ grpo: { ...lettersOptions.grpo, updates: 2 } });
    expect(tf.memory().numTensors).toBe(before);
  });

  it('records what it was started with, and is carried on by nothing else', async () => {
    const { store } = await run({ train: { ...lettersOptions.train, steps: 1 } });
    const recorded = await readGrpoRun(store);
    expect(recorded).toMatchObject({ task: 'letters', reward: 'correct', config: { prompts: 3, beta: 0.04 } });
    await expect(resumeRun({ store })).rejects.toThrow('is a run of tinyseek grpo');
    const again = { task: letters, store, init };
    await expect(resumeGrpo({ ...again, rewardName: 'mine' })).rejects.toThrow('reward is "correct", not "mine"');
    await expect(resumeGrpo({ ...again, init: await lettersModel(0) })).rejects.toThrow('have changed since');
    await expect(readGrpoRun(init)).rejects.toThrow(UserError);
  });

  it.each<[changes: Partial<GrpoOptions>, message: string]>([
    [{ grpo: { group: 1 } }, 'grpo: group must be a whole number from 2 on; found 1'],
    [{ grpo: { clip: 0 } }, 'grpo: clip must be above 0; found 0'],
    [{ grpo: { beta: Number.NaN } }, 'grpo: beta must be 0 or more; found NaN'],
    [{ grpo: { maxNewTokens: 100 } }, 'allow at most 60 tokens an answer'],
    [{ train: { steps: 0 } }, 'steps'],
  ])('says what is wrong with its settings: %o', async (changes, message) => {
    await expect(run(changes)).rejects.toThrow(UserError);
    await expect(run(changes)).rejects.toThrow(message);
  });
});
