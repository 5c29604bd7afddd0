// The worker of the page: trains the preset `tiny` in the browser's storage, on the engine, with `tinyseek/core` alone.

import {
  activateBackend,
  type DirectoryHandle,
  loadModelFrom,
  type MemoryStore,
  type MetricsLine,
  type ModelStore,
  memoryStore,
  modelPreset,
  opfsStore,
  type RunStore,
  resumeEvents,
  sampleText,
  type TrainEvent,
  trainEvents,
  trainPreset,
} from 'tinyseek/core';
import { type FromWorker, type Job, type PageReport, run } from './messages.ts';

/** The parts of a worker that are used here. */
declare const self: { onmessage: (event: { readonly data: Job }) => void; postMessage(message: FromWorker): void };
declare const crossOriginIsolated: boolean;

// The binary that has one result on every machine, so that the test can compare with Node's.
const backend = { backend: 'engine', backendOptions: { engineVariant: 'simd-6x8' } } as const;

async function documents(): Promise<string[]> {
  const response = await fetch('/documents.json');
  return (await response.json()) as string[];
}

/** A directory of the origin private file system. */
async function storageOfPage(): Promise<RunStore & ModelStore> {
  const storage = Reflect.get(Reflect.get(globalThis, 'navigator'), 'storage') as {
    getDirectory(): Promise<DirectoryHandle>;
  };
  const root = await storage.getDirectory();
  return opfsStore(await root.getDirectoryHandle('whale', { create: true }));
}

async function settings() {
  const { steps, checkpointEvery } = run;
  const train = { ...trainPreset('tiny'), steps, checkpointEvery, batchSize: 2, seqLen: 64, sampleTokens: 0 };
  return { model: modelPreset('tiny'), train, documents: await documents(), ...backend };
}

async function begin(): Promise<void> {
  for await (const event of trainEvents({ ...(await settings()), store: await storageOfPage() })) {
    if (event.type !== 'step' || event.step < run.leaveAfter) continue;
    self.postMessage({ type: 'leave' });
    await new Promise(() => {}); // the page goes, and this worker with it
  }
}

interface Watched {
  readonly start: Extract<TrainEvent, { type: 'start' }>;
  readonly lines: readonly MetricsLine[];
}

async function watch(events: AsyncIterable<TrainEvent>): Promise<Watched> {
  const lines: MetricsLine[] = [];
  let start: Watched['start'] | null = null;
  for await (const event of events) {
    if (event.type === 'start') start = event;
    if (event.type === 'step') lines.push(event.metrics);
  }
  if (start === null) throw new Error('the run did not start');
  return { start, lines };
}

async function weightsOf(store: ModelStore): Promise<Uint8Array> {
  const { model } = await loadModelFrom(store);
  const values = model.exportTensors();
  model.dispose();
  return new Uint8Array(await new Blob((await values).map(({ data }) => data.slice())).arrayBuffer());
}

async function goOn(): Promise<PageReport> {
  const store = await storageOfPage();
  const given = await settings();
  const { start, lines } = await watch(resumeEvents({ store, documents: given.documents, ...backend }));
  const whole: MemoryStore = memoryStore();
  const { lines: wholeLines } = await watch(trainEvents({ ...given, store: whole }));
  await activateBackend('engine', backend.backendOptions);
  const [left, uninterrupted] = [await weightsOf(store), await weightsOf(whole)];
  const { model, tokenizer } = await loadModelFrom(store);
  return {
    isolated: crossOriginIsolated,
    threads: start.threads,
    engineVariant: start.engineVariant,
    resumedAt: start.startStep,
    lines,
    wholeLines,
    sameWeights: left.length > 0 && left.every((byte, i) => byte === uninterrupted[i]),
    text: await sampleText(model, tokenizer, { prompt: 'Call me', maxNewTokens: 8, temperature: 0, topK: 0, seed: 0 }),
  };
}

/** An error in a promise reaches a page only if it is thrown outside of it. */
const fail = (error: unknown) => {
  setTimeout(() => {
    throw error;
  });
};

self.onmessage = ({ data: job }) => {
  const work = job === 'begin' ? begin() : goOn().then((report) => self.postMessage({ type: 'report', report }));
  work.catch(fail);
};
