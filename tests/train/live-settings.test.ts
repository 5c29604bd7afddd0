// Settings that are changed while a run goes on: they act from the next step on, and a resumed run takes the same
// steps.

import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { type MemoryStore, memoryStore } from '../../src/runs/memory-store.ts';
import type { TrainEvent } from '../../src/train/events.ts';
import { type LiveSettings, SettingsController } from '../../src/train/live-settings.ts';
import { ownSteps } from '../../src/train/stepper.ts';
import { resumeRun, train } from '../../src/train/trainer.ts';
import { label, seaDocuments, seaRun, seaTrain, timeless } from '../runs/nano-run.ts';

const documents = seaDocuments();
// One part a batch, so that passes are recorded and replayed; four groups, so that a limit means something.
const model = { ...seaRun.model, nRoutedExperts: 8, nGroup: 4, topkGroup: 4, numExpertsPerTok: 2 };
const settings = {
  ...seaTrain,
  gradAccumSteps: 1,
  steps: 8,
  keepCheckpoints: 9,
  sampleTokens: 0,
  expertBiasUpdateSpeed: 0.01,
};
const run = { ...seaRun, model, train: settings, documents };

interface Watched {
  readonly store: MemoryStore;
  readonly events: readonly TrainEvent[];
}

/** A run in which settings are changed after some steps. It dies after `until` steps, if that is given. */
async function changed(changes: Readonly<Record<number, LiveSettings>>, until = 0, checkpointEvery = 2) {
  const store = memoryStore();
  const events: TrainEvent[] = [];
  const live = new SettingsController();
  const onEvent = (event: TrainEvent) => {
    events.push(event);
    if (event.type === 'step' && changes[event.step] !== undefined) live.change(changes[event.step]!);
    if (event.type === 'step' && event.step === until) throw new Error('killed');
  };
  const ended = train({ ...run, train: { ...settings, checkpointEvery }, store, live, onEvent });
  await (until === 0 ? ended : expect(ended).rejects.toThrow('killed'));
  return { store, events } satisfies Watched;
}

const textOf = ({ files }: MemoryStore, path: string) => new TextDecoder().decode(files.get(path));
/** A hash of the last weights: a difference of whole files takes minutes to print. */
const lastWeights = ({ files }: MemoryStore) =>
  createHash('sha256').update(files.get('checkpoints/step-00000008/model.safetensors')!).digest('hex');
const valuesOf = ({ store }: Watched, key: string) =>
  timeless(textOf(store, 'metrics.jsonl')).flatMap((line) => Reflect.get(line as object, key) ?? []);
const recordedIn = ({ store }: Watched) => JSON.parse(textOf(store, 'run.json'));

describe('settings that are changed while a run goes on', () => {
  it('act from the next step on, with an event before it, and are recorded', async () => {
    const watched = await changed({ 3: { expertBiasUpdateSpeed: 0.05 }, 5: { balanceLossFactor: 1 } });
    const labels = watched.events.map(label);
    expect(labels.slice(labels.indexOf('step 3'), labels.indexOf('step 4') + 1)).toEqual([
      'step 3',
      'change 3',
      'step 4',
    ]);
    expect(valuesOf(watched, 'train/bias_speed')).toEqual([...Array(3).fill(0.01), ...Array(5).fill(0.05)]);
    expect(recordedIn(watched)).toMatchObject({
      train: { expertBiasUpdateSpeed: 0.05, balanceLossFactor: 1 },
      liveChanges: [
        { atStep: 3, from: { expertBiasUpdateSpeed: 0.01 }, to: { expertBiasUpdateSpeed: 0.05 } },
        { atStep: 5, from: { balanceLossFactor: 1e-4 }, to: { balanceLossFactor: 1 } },
      ],
    });
  });

  it('leave the steps before them as they are, and change those after them', async () => {
    const [plain, watched] = [
      await changed({}),
      await changed({ 4: { balancing: 'batch-aux', balanceLossFactor: 5 } }),
    ];
    const losses = [plain, watched].map((each) => valuesOf(each, 'train/loss'));
    expect(losses[1]!.slice(0, 5)).toEqual(losses[0]!.slice(0, 5)); // the fifth is of the weights before the change
    expect(losses[1]!.slice(5)).not.toEqual(losses[0]!.slice(5));
    const speeds = watched.events.flatMap((event) => (event.type === 'step' ? [event.load[0]!.bias] : []));
    expect(speeds[7]).toEqual(speeds[3]); // another mechanism balances: the bias stays
  });

  it('reach the passes that were recorded before: a token visits as few groups as the limit says', async () => {
    const [plain, watched] = [await changed({}), await changed({ 5: { topkGroup: 1 } })];
    expect(valuesOf(watched, 'load/1/counts').slice(0, 40)).toEqual(valuesOf(plain, 'load/1/counts').slice(0, 40));
    expect(valuesOf(watched, 'load/1/counts').slice(40)).not.toEqual(valuesOf(plain, 'load/1/counts').slice(40));
    expect(JSON.parse(textOf(watched.store, 'checkpoints/step-00000008/config.json')).topk_group).toBe(1);
    expect(JSON.parse(textOf(watched.store, 'checkpoints/step-00000004/config.json')).topk_group).toBe(4);
  });

  it('property: a run that is resumed before or after them comes to the same bits', async () => {
    const changes = { 3: { topkGroup: 2 }, 5: { balancing: 'none', topkGroup: 1 }, 6: { balancing: 'bias' } } as const;
    const whole = await changed(changes);
    for (const checkpointEvery of [0, 2, 3, 4, 5]) {
      const { store } = await changed(changes, 7, checkpointEvery);
      await resumeRun({ store, documents, live: new SettingsController() });
      expect(lastWeights(store)).toEqual(lastWeights(whole.store));
    }
  });

  it('property: a change drops those that a resumed run has not come to yet', async () => {
    const { store } = await changed({ 2: { topkGroup: 2 }, 5: { topkGroup: 1 } }, 6);
    const live = new SettingsController();
    live.change({ expertBiasUpdateSpeed: 0.03 });
    await resumeRun({ store, documents, live });
    const expected = await changed({ 2: { topkGroup: 2 }, 4: { expertBiasUpdateSpeed: 0.03 } });
    expect(lastWeights(store)).toEqual(lastWeights(expected.store));
    expect(recordedIn({ store, events: [] }).liveChanges.map(({ atStep }: { atStep: number }) => atStep)).toEqual([
      2, 4,
    ]);
  });

  it('are refused with a warning where they are invalid, and the run goes on', async () => {
    const watched = await changed({ 2: { topkGroup: 9 } });
    const warnings = watched.events.flatMap((event) => (event.type === 'warning' ? [event.message] : []));
    expect(warnings.filter((text) => text.includes('topkGroup'))).toEqual([
      expect.stringMatching(/^The settings stay as they were: config: .*topkGroup.* at most/),
    ]);
    expect(lastWeights(watched.store)).toEqual(lastWeights((await changed({})).store));
  });

  it('are no change where they have the values already', async () => {
    const watched = await changed({ 2: { topkGroup: 4, balancing: 'bias' } });
    expect(recordedIn(watched)).not.toHaveProperty('liveChanges');
  });

  it('are refused where others take the steps', async () => {
    const startStepper: typeof ownSteps = (learner, all) => ownSteps(learner, all);
    const started = train({ ...run, store: memoryStore(), live: new SettingsController(), startStepper });
    await expect(started).rejects.toThrow(/train in one process/);
  });
});

it('the model of a run can be read while it goes on', async () => {
  let vocabulary = 0;
  const seen: string[] = [];
  await train({
    ...{ ...run, train: { ...settings, steps: 1 }, store: memoryStore() },
    onModel: ({ config, parameters }, tokenizer) => {
      vocabulary = config.vocabSize - tokenizer.vocabSize;
      seen.push(`${parameters.size > 10}`);
    },
    onEvent: ({ type }) => void seen.push(type),
  });
  expect(vocabulary).toBe(0);
  expect(seen.slice(0, 2)).toEqual(['true', 'start']);
});
