import { describe, expect, it } from 'vitest';
import { memoryStore } from '../../src/runs/memory-store.ts';
import type { TrainEvent } from '../../src/train/events.ts';
import { PauseController } from '../../src/train/pause.ts';
import { resumeEvents, train, trainEvents } from '../../src/train/trainer.ts';
import { label, seaDocuments, seaRun, timeless } from '../runs/nano-run.ts';

const documents = seaDocuments();
const metricsOf = (files: ReadonlyMap<string, Uint8Array>) =>
  timeless(new TextDecoder().decode(files.get('metrics.jsonl')));

describe('trainEvents', () => {
  it('yields what onEvent is told, in order, and leaves the same files', async () => {
    const [whole, store] = [memoryStore(), memoryStore()];
    const told: string[] = [];
    const heard: string[] = [];
    await train({ ...seaRun, documents, store: whole, onEvent: (event) => told.push(label(event)) });
    const both: string[] = [];
    const onEvent = (event: TrainEvent) => both.push(label(event));
    for await (const event of trainEvents({ ...seaRun, documents, store, onEvent })) heard.push(label(event));
    expect(heard).toEqual(told);
    expect(both).toEqual(told);
    expect(metricsOf(store.files)).toEqual(metricsOf(whole.files));
  });

  it('lets the reader decide the pace: nothing is done before the next event is asked for', async () => {
    const store = memoryStore();
    const done: string[] = [];
    const events = trainEvents({ ...seaRun, documents, store, onEvent: (event) => done.push(label(event)) });
    expect(done).toEqual([]);
    for (const expected of ['start', 'warning', 'sample 0', 'step 1', 'step 2', 'eval 2']) {
      const { value } = await events.next();
      await new Promise((resolve) => setTimeout(resolve, 5)); // time enough to go on, if it did
      expect([value && label(value), done.at(-1)]).toEqual([expected, expected]);
    }
    await events.return();
  });

  it('ends the run with a checkpoint when the reader leaves, and another reader goes on to the same bits', async () => {
    const [whole, store] = [memoryStore(), memoryStore()];
    await train({ ...seaRun, documents, store: whole });
    for await (const event of trainEvents({ ...seaRun, documents, store })) if (label(event) === 'step 3') break;
    expect((await store.latestCheckpoint()).checkpoint?.step).toBe(3);
    const heard: string[] = [];
    for await (const event of resumeEvents({ store, documents })) heard.push(label(event));
    expect(heard.slice(0, 2)).toEqual(['start', 'sample 3']);
    expect(heard.at(-1)).toBe('end');
    expect(metricsOf(store.files)).toEqual(metricsOf(whole.files));
  });

  it('throws an error of the run to the reader, after the events before it', async () => {
    const heard: string[] = [];
    const read = async () => {
      const options = { ...seaRun, train: { ...seaRun.train, learningRate: 1e30 }, documents, store: memoryStore() };
      for await (const event of trainEvents(options)) heard.push(label(event));
    };
    await expect(read()).rejects.toThrow('expected finite numbers');
    expect(heard.slice(0, 3)).toEqual(['start', 'warning', 'sample 0']); // little text is held out
  });

  it('ends the run when the reader throws, and passes the error on', async () => {
    const store = memoryStore();
    const read = async () => {
      for await (const event of trainEvents({ ...seaRun, documents, store })) {
        if (label(event) === 'step 1') throw new Error('of the reader');
      }
    };
    await expect(read()).rejects.toThrow('of the reader');
    expect((await store.latestCheckpoint()).checkpoint?.step).toBe(1);
    await (await store.claim())(); // given back
  });
});

describe('onEvent', () => {
  it('is waited for when it returns a promise', async () => {
    const order: string[] = [];
    const onEvent = async (event: TrainEvent) => {
      order.push(label(event));
      await new Promise((resolve) => setTimeout(resolve, 1));
      order.push('done');
    };
    await train({ ...seaRun, documents, store: memoryStore(), onEvent });
    expect(order.filter((_, i) => i % 2 === 1)).toEqual(Array(order.length / 2).fill('done'));
  });
});

describe('PauseController', () => {
  it('holds a run between steps and changes none of its bits, nor its time', async () => {
    const [whole, store] = [memoryStore(), memoryStore()];
    await train({ ...seaRun, documents, store: whole });
    const pause = new PauseController();
    const steps: string[] = [];
    const onEvent = (event: TrainEvent) => {
      steps.push(label(event));
      if (label(event) === 'step 3') pause.pause();
    };
    const started = performance.now();
    const running = train({ ...seaRun, documents, store, onEvent, pause });
    while (!pause.isPaused) await new Promise((resolve) => setTimeout(resolve, 5));
    const pausedAt = performance.now();
    await new Promise((resolve) => setTimeout(resolve, 300)); // the length of the pause
    expect(steps.filter((name) => name === 'step 4')).toEqual([]);
    const heldFor = performance.now() - pausedAt;
    pause.resume();
    const { seconds } = await running;
    expect(1000 * seconds).toBeLessThan(performance.now() - started - heldFor + 50);
    expect(metricsOf(store.files)).toEqual(metricsOf(whole.files));
  });

  it('holds a run that has not begun, and lets it be ended', async () => {
    const pause = new PauseController();
    pause.pause();
    const abort = new AbortController();
    const steps: string[] = [];
    const onEvent = (event: TrainEvent) => {
      steps.push(label(event));
      if (event.type === 'sample') setTimeout(() => abort.abort(), 5);
    };
    const store = memoryStore();
    const { finished } = await train({ ...seaRun, documents, store, onEvent, pause, signal: abort.signal });
    expect(finished).toBe(false);
    expect(steps).toEqual(['start', 'warning', 'sample 0', 'checkpoint 0', 'end']);
  });
});
