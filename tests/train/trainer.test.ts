import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { activateBackend } from '../../src/backends/backends.ts';
import type { TrainConfig } from '../../src/config/train-config.ts';
import { lockRun } from '../../src/io/run-lock.ts';
import { createRandom } from '../../src/tensor/random.ts';
import { tf } from '../../src/tensor/tf.ts';
import type { TrainEvent } from '../../src/train/events.ts';
import { type ResumeOptions, resumeRun, type TrainOptions, train } from '../../src/train/trainer.ts';
import { nanoModel, nanoTrain } from './nano.ts';

const folder = mkdtempSync(join(tmpdir(), 'tinyseek-trainer-'));
const words = ['whale', 'ship', 'sea', 'captain', 'white', 'the', 'and', 'of', 'harpoon', 'Nantucket'];

/** Everything that has state: accumulation, average, ramp-free schedule, evaluation, samples, checkpoints. */
const settings: TrainConfig = {
  ...nanoTrain,
  data: join(folder, 'sea.jsonl'),
  steps: 6,
  gradAccumSteps: 2,
  lrSchedule: 'deepseek-v3',
  emaDecay: 0.5,
  evalEvery: 2,
  checkpointEvery: 2,
  keepCheckpoints: 2,
  sampleTokens: 3,
};

/** Names of events, with their step. */
const label = (event: TrainEvent) => ('step' in event ? `${event.type} ${event.step}` : event.type);

interface Watched {
  readonly dir: string;
  readonly events: TrainEvent[];
}

let runs = 0;

function freshRun(changes: Partial<TrainConfig> = {}): Watched & { options: TrainOptions } {
  const dir = join(folder, `run-${runs++}`);
  const events: TrainEvent[] = [];
  const onEvent = (event: TrainEvent) => void events.push(event);
  const config = { ...settings, ...changes };
  return { dir, events, options: { model: nanoModel, train: config, backend: 'wasm', runDir: dir, onEvent } };
}

async function resume(dir: string, changes: Partial<ResumeOptions> = {}): Promise<TrainEvent[]> {
  const events: TrainEvent[] = [];
  await resumeRun({ runDir: dir, onEvent: (event) => void events.push(event), ...changes });
  return events;
}

/** Stops a run at the first event with this label, as Ctrl-C does. */
async function interruptAt(stop: string): Promise<Watched & { finished: boolean }> {
  const { options, dir, events } = freshRun();
  const controller = new AbortController();
  const onEvent = (event: TrainEvent) => {
    events.push(event);
    if (label(event) === stop) controller.abort();
  };
  const { finished } = await train({ ...options, onEvent, signal: controller.signal });
  return { dir, events, finished };
}

/** Kills a run at the first event with this label: nothing is written after it. */
async function killAt(stop: string): Promise<string> {
  const { options, dir } = freshRun();
  const onEvent = (event: TrainEvent) => {
    if (label(event) === stop) throw new Error('killed');
  };
  await expect(train({ ...options, onEvent })).rejects.toThrow('killed');
  return dir;
}

const lines = (path: string): Record<string, unknown>[] =>
  readFileSync(path, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));

/** Everything a run wrote that is not a time. */
function outcomeOf(dir: string) {
  const checkpoint = join(dir, 'checkpoints', 'step-00000006');
  const timeless = lines(join(dir, 'metrics.jsonl')).map((line) => {
    const { seconds: _seconds, 'train/tokens_per_second': _speed, ...rest } = line;
    return rest;
  });
  return {
    model: readFileSync(join(checkpoint, 'model.safetensors')).toString('base64'),
    optimizer: readFileSync(join(checkpoint, 'optimizer.safetensors')).toString('base64'),
    metrics: timeless,
    samples: lines(join(dir, 'samples.jsonl')),
  };
}

const whole = freshRun();
let tensorsBefore = 0;
let tensorsAfter = 0;
const tensorsAtSteps: number[] = [];

beforeAll(async () => {
  const random = createRandom(11);
  const text = () => Array.from({ length: 20 }, () => words[Math.floor(random() * words.length)]).join(' ');
  writeFileSync(
    settings.data,
    Array.from({ length: 30 }, () => `${JSON.stringify({ text: `${text()}.` })}\n`).join(''),
  );
  await activateBackend('wasm');
  tensorsBefore = tf.memory().numTensors;
  const onEvent = (event: TrainEvent) => {
    whole.events.push(event);
    if (event.type === 'step') tensorsAtSteps.push(tf.memory().numTensors);
  };
  await train({ ...whole.options, onEvent });
  tensorsAfter = tf.memory().numTensors;
});

afterAll(() => rmSync(folder, { recursive: true }));

describe('train', () => {
  it('contract: tells what it does in the documented order', () => {
    expect(whole.events.map(label)).toEqual([
      'start',
      'warning', // so short a text has too little held-out text
      'sample 0',
      'step 1',
      'step 2',
      'eval 2',
      'checkpoint 2',
      'step 3',
      'sample 3',
      'step 4',
      'eval 4',
      'checkpoint 4',
      'step 5',
      'step 6',
      'eval 6',
      'sample 6',
      'checkpoint 6',
      'end',
    ]);
  });

  it('contract: leaves a run folder with settings, metrics, samples, events and the last checkpoints', () => {
    expect(readdirSync(whole.dir).sort()).toEqual([
      'checkpoints',
      'metrics.jsonl',
      'run.json',
      'samples.jsonl',
      'tensorboard',
    ]);
    expect(readdirSync(join(whole.dir, 'checkpoints')).sort()).toEqual(['step-00000004', 'step-00000006']);
    const run = JSON.parse(readFileSync(join(whole.dir, 'run.json'), 'utf8'));
    expect(run).toMatchObject({ format: 1, backend: 'wasm', train: settings });
    expect(run.model).toEqual({
      ...nanoModel,
      vocabSize: 261,
      bosTokenId: run.model.bosTokenId,
      eosTokenId: run.model.eosTokenId,
    });
    expect(run.brotliBitsPerByte).toBeGreaterThan(0.5);
  });

  it('B12: writes one line for each step and each evaluation, with the documented keys', () => {
    const metrics = lines(join(whole.dir, 'metrics.jsonl'));
    const training = metrics.filter((line) => 'train/loss' in line);
    expect(training.map(({ step }) => step)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(metrics.filter((line) => 'eval/loss' in line).map(({ step }) => step)).toEqual([2, 4, 6]);
    expect(metrics).toHaveLength(9);
    expect(Object.keys(training[0] ?? {}).sort()).toMatchSnapshot();
    expect(Object.keys(metrics[2] ?? {}).sort()).toMatchSnapshot();
    expect(training[5]?.tokens).toBe(6 * 4 * 13);
  });

  it('leak: has the same number of tensors after every step, and none when it is done', () => {
    expect(new Set(tensorsAtSteps).size).toBe(1);
    expect(tensorsAfter).toBe(tensorsBefore);
  });

  it('property: the same seed gives the same bits', async () => {
    const again = freshRun();
    const result = await train(again.options);
    expect(outcomeOf(again.dir)).toEqual(outcomeOf(whole.dir));
    expect(result.finished).toBe(true);
    expect(result.checkpoint).toBe(join(again.dir, 'checkpoints', 'step-00000006'));
    expect(result.finalLoss).toBe(lines(join(again.dir, 'metrics.jsonl'))[7]?.['train/loss']);
  });

  it('property: another seed gives other weights', async () => {
    const other = freshRun({ seed: 8, steps: 1, sampleTokens: 0 });
    const { finalLoss } = await train(other.options);
    expect(finalLoss).not.toBe(lines(join(whole.dir, 'metrics.jsonl'))[0]?.['train/loss']);
  });

  it('B18: takes its settings from nowhere but the caller, on any backend', async () => {
    const { options, events } = freshRun({ steps: 1, sampleTokens: 0 });
    const onWasm = await train(options);
    const onCpu = await train({ ...options, runDir: `${options.runDir}-cpu`, backend: 'cpu' });
    const [first, second] = events.filter((event) => event.type === 'start');
    expect(second?.train).toEqual(first?.train);
    expect(second?.backend).toBe('cpu');
    // One forward pass in float32 on two backends.
    expect(onCpu.finalLoss).toBeCloseTo(onWasm.finalLoss, 4);
    await activateBackend('wasm');
  });

  it('refuses a folder that is in use, and says how to resume', async () => {
    await expect(train({ ...whole.options })).rejects.toThrow(/is not empty .*--resume, or choose another folder/);
  });

  it('refuses a folder that another process trains in', async () => {
    const { options, dir } = freshRun();
    const unlock = lockRun(dir);
    await expect(train(options)).rejects.toThrow(/another process \(pid \d+\) is using this folder/);
    unlock();
  });

  it('stops when numbers explode, names the tensor and keeps the last good checkpoint', async () => {
    const { options, dir } = freshRun({ learningRate: 1e30, lrSchedule: 'constant', checkpointEvery: 1, evalEvery: 0 });
    await expect(train(options)).rejects.toThrow(
      /expected finite numbers, found loss .* at step \d: the \w+ .*model\..* the last good checkpoint is .*step-0000000\d/,
    );
    expect(existsSync(join(dir, 'checkpoints', 'step-00000001', 'model.safetensors'))).toBe(true);
    expect(existsSync(join(dir, 'run.lock'))).toBe(false);
  });
});

describe('resumeRun', () => {
  it.each(['sample 0', 'step 3', 'step 4', 'step 6', 'eval 6'])(
    'property: a run interrupted at %s and resumed equals one that never stopped, bit for bit',
    async (stop) => {
      const { dir, events, finished } = await interruptAt(stop);
      expect(finished).toBe(false);
      expect(events.slice(-2).map(({ type }) => type)).toEqual(['checkpoint', 'end']);
      await resume(dir);
      expect(outcomeOf(dir)).toEqual(outcomeOf(whole.dir));
    },
  );

  it.each(['step 3', 'eval 4', 'step 6'])(
    'property: a run killed at %s and resumed equals one that never stopped, bit for bit (B12)',
    async (stop) => {
      const dir = await killAt(stop);
      await resume(dir);
      expect(outcomeOf(dir)).toEqual(outcomeOf(whole.dir));
    },
  );

  it('falls back to the checkpoint before a damaged one, with a warning', async () => {
    const dir = join(folder, 'damaged');
    cpSync(whole.dir, dir, { recursive: true });
    const path = join(dir, 'checkpoints', 'step-00000006', 'model.safetensors');
    const bytes = readFileSync(path);
    bytes[bytes.length - 5]! ^= 1;
    writeFileSync(path, bytes);
    const events = await resume(dir);
    expect(events.slice(0, 2)).toMatchObject([{ type: 'start', startStep: 4 }, { type: 'warning' }]);
    expect(outcomeOf(dir)).toEqual(outcomeOf(whole.dir));
  });

  it('only sums up a run that is finished', async () => {
    const before = outcomeOf(whole.dir);
    const events = await resume(whole.dir);
    expect(events.map(label)).toEqual(['start', 'end']);
    const end = events.at(-1);
    const original = whole.events.at(-1);
    if (end?.type !== 'end' || original?.type !== 'end') throw new Error('no end');
    const { finalLoss, evalLoss, bitsPerByte, checkpoint, finished } = end.result;
    expect(original.result).toMatchObject({ finalLoss, evalLoss, bitsPerByte, checkpoint, finished });
    expect(outcomeOf(whole.dir)).toEqual(before);
  });

  it('refuses changed settings and lists every one of them', async () => {
    const overrides = { train: { steps: 6, learningRate: 0.5, seqLen: 17 }, model: { hiddenSize: 64 } };
    await expect(resume(whole.dir, { overrides })).rejects.toThrow(
      /other settings: hiddenSize is 32, not 64, learningRate is 0.001, not 0.5, seqLen is 13, not 17; leave them out/,
    );
  });

  it('refuses a run.json that was edited', async () => {
    const dir = join(folder, 'edited');
    cpSync(whole.dir, dir, { recursive: true });
    const path = join(dir, 'run.json');
    const run = JSON.parse(readFileSync(path, 'utf8'));
    writeFileSync(path, JSON.stringify({ ...run, train: { ...run.train, steps: 12 } }));
    await expect(resume(dir)).rejects.toThrow('steps is 12, not 6');
  });

  it('goes on with a run that an earlier version started, before the key `precision` existed', async () => {
    const dir = join(folder, 'earlier');
    cpSync((await interruptAt('step 3')).dir, dir, { recursive: true });
    const path = join(dir, 'run.json');
    const run = JSON.parse(readFileSync(path, 'utf8'));
    delete run.train.precision;
    writeFileSync(path, JSON.stringify(run));
    expect((await resume(dir))[0]).toMatchObject({ type: 'start', startStep: 3, train: { precision: 'float32' } });
    await expect(resume(dir, { overrides: { train: { precision: 'fp8' } } })).rejects.toThrow(
      'precision is "float32", not "fp8"',
    );
  });

  it('refuses text that has changed', async () => {
    const { dir } = await interruptAt('step 1');
    const text = readFileSync(settings.data, 'utf8');
    writeFileSync(settings.data, `${text}${text}`);
    try {
      await expect(resume(dir)).rejects.toThrow(/the text of .*sea.jsonl has changed/);
    } finally {
      writeFileSync(settings.data, text);
    }
  });

  it('refuses a folder without a run, and leaves no folder there', async () => {
    await expect(resume(join(folder, 'nowhere'))).rejects.toThrow(/nowhere/);
    expect(existsSync(join(folder, 'nowhere'))).toBe(false);
  });

  it.each(['start', 'sample 0', 'step 1'])(
    'property: a run killed at %s, before its first checkpoint, starts again at step 0 to the same bits, and says so',
    async (stop) => {
      const dir = await killAt(stop);
      const events = await resume(dir);
      expect(events.slice(0, 2)).toMatchObject([
        { type: 'start', startStep: 0 },
        { type: 'note', message: expect.stringContaining('no checkpoint yet: it starts again at step 0') },
      ]);
      expect(outcomeOf(dir)).toEqual(outcomeOf(whole.dir));
    },
  );

  it('does not start again over checkpoints that are damaged, all of them', async () => {
    const dir = join(folder, 'all-damaged');
    cpSync(whole.dir, dir, { recursive: true });
    for (const name of readdirSync(join(dir, 'checkpoints')))
      writeFileSync(join(dir, 'checkpoints', name, 'model.safetensors'), '');
    await expect(resume(dir)).rejects.toThrow(
      /no checkpoint in .* is usable \(skipped .*; skipped .*delete its checkpoints/,
    );
    rmSync(join(dir, 'checkpoints'), { recursive: true });
    await resume(dir);
    expect(outcomeOf(dir)).toEqual(outcomeOf(whole.dir));
  });

  it('says that another backend will not give the same bits', async () => {
    const events = await resume(whole.dir, { backend: 'cpu' });
    expect(events[1]).toMatchObject({ type: 'warning', message: expect.stringContaining('not bit for bit') });
    await activateBackend('wasm');
  });
});
