// A run that is one step ahead does, says and writes what one does that waits for each step. The steps are made up here,
// so that the order of everything can be seen; their numbers on a GPU are tested in tests/webgpu.

import { describe, expect, it, vi } from 'vitest';
import { memoryStore } from '../../src/runs/memory-store.ts';
import type { TrainEvent } from '../../src/train/events.ts';
import { PauseController } from '../../src/train/pause.ts';
import type { StepOutcome } from '../../src/train/step-report.ts';
import type { StartStepper } from '../../src/train/stepper.ts';
import { type TrainOptions, train } from '../../src/train/trainer.ts';
import { label, seaDocuments, seaRun, seaTrain, timeless } from '../runs/nano-run.ts';

const documents = seaDocuments();
const settings = { ...seaTrain, steps: 9, evalEvery: 4, checkpointEvery: 3, sampleTokens: 1 };

interface Log {
  /** `begin N` and `over N` for each step, and the labels of events. */
  readonly told: string[];
  readonly events: TrainEvent[];
}

/** A stepper whose steps take a few turns of the event loop, and fail at `failsAt`. */
function slowSteps(canBeAhead: boolean, { told }: Log, failsAt = 0): StartStepper {
  return async () => ({
    canBeAhead,
    step: async (_batch, { step }): Promise<StepOutcome> => {
      told.push(`begin ${step + 1}`);
      await new Promise((resolve) => setTimeout(resolve, 1));
      told.push(`over ${step + 1}`);
      if (step + 1 === failsAt) throw new Error(`step ${failsAt} failed`);
      const loss = 5 - 0.1 * step;
      return { total: loss, main: loss, mtp: [loss], balance: 1, gradNorm: 1, load: [] };
    },
    gather: async () => {},
    close: async () => {},
  });
}

async function run(canBeAhead: boolean, changes: Partial<TrainOptions> = {}, failsAt = 0) {
  const store = memoryStore();
  const log: Log = { told: [], events: [] };
  const onEvent = (event: TrainEvent) => {
    log.events.push(event);
    log.told.push(label(event));
    return changes.onEvent?.(event);
  };
  const startStepper = slowSteps(canBeAhead, log, failsAt);
  const options = { ...seaRun, train: settings, documents, store, startStepper, ...changes, onEvent };
  const error = await train(options as TrainOptions).then(
    () => null,
    (thrown: unknown) => thrown,
  );
  const metrics = timeless(new TextDecoder().decode(store.files.get('metrics.jsonl')));
  return { ...log, labels: log.events.map(label), store, metrics, error };
}

/** The most steps that were under way at once. */
function mostAtOnce(told: readonly string[]): number {
  const depths = told.map((_, i) => {
    const before = told.slice(0, i + 1);
    return (
      before.filter((line) => line.startsWith('begin')).length - before.filter((line) => /^over/.test(line)).length
    );
  });
  return Math.max(...depths);
}

describe('a run that is a step ahead', () => {
  it('tells the same events in the same order, and writes the same lines and checkpoints', async () => {
    const [waiting, ahead] = [await run(false), await run(true)];
    expect(mostAtOnce(waiting.told)).toBe(1);
    expect(mostAtOnce(ahead.told)).toBe(2);
    expect(ahead.labels).toEqual(waiting.labels);
    expect(ahead.metrics).toEqual(waiting.metrics);
    expect([...ahead.store.files.keys()]).toEqual([...waiting.store.files.keys()]);
  });

  it('begins no step before what is due after the one before it: evaluation, sample, checkpoint', async () => {
    const { told } = await run(true);
    for (const [due, next] of [
      ['checkpoint 3', 4],
      ['eval 4', 5],
      ['sample 4', 5],
      ['checkpoint 6', 7],
      ['eval 8', 9],
    ] as const) {
      expect(told.indexOf(due)).toBeGreaterThan(0);
      expect(told.indexOf(due)).toBeLessThan(told.indexOf(`begin ${next}`));
    }
    expect(told.indexOf('begin 2')).toBeLessThan(told.indexOf('over 1'));
  });

  it('waits for each step where somebody may look at the model', async () => {
    expect(mostAtOnce((await run(true, { onModel: () => {} })).told)).toBe(1);
  });

  it('finishes the step that is under way when it is interrupted, and saves it', async () => {
    const controller = new AbortController();
    const onEvent = (event: TrainEvent) => {
      if (label(event) === 'step 1') controller.abort();
    };
    const { labels, told } = await run(true, { signal: controller.signal, onEvent });
    expect(labels.slice(-4)).toEqual(['step 1', 'step 2', 'checkpoint 2', 'end']);
    expect(told).not.toContain('begin 3');
  });

  it('holds when it is paused, and its clock with it', async () => {
    let now = 0;
    vi.spyOn(performance, 'now').mockImplementation(() => now);
    const pause = new PauseController();
    const onEvent = (event: TrainEvent) => {
      if (event.type === 'step') now += 1000;
      if (label(event) !== 'step 1') return;
      pause.pause();
      setTimeout(() => {
        now += 1e9;
        pause.resume();
      }, 3);
    };
    const { events } = await run(true, { pause, onEvent });
    vi.restoreAllMocks();
    const second = events.find((event) => label(event) === 'step 2') as Extract<TrainEvent, { type: 'step' }>;
    expect(second.tokensPerSecond).toBe(settings.batchSize * settings.seqLen);
  });

  it('gives the error of a step in its turn, after the numbers of the steps before it', async () => {
    const { error, labels, told } = await run(true, {}, 2);
    expect(String(error)).toContain('step 2 failed');
    expect(labels.at(-1)).toBe('step 1');
    expect(told.filter((line) => line.startsWith('begin')).length).toBe(
      told.filter((line) => line.startsWith('over')).length,
    );
  });
});
