import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadModelFrom } from '../../src/generate/load-model.ts';
import { type MemoryStore, memoryStore } from '../../src/runs/memory-store.ts';
import { tf } from '../../src/tensor/tf.ts';
import type { TrainEvent } from '../../src/train/events.ts';
import { resumeRun, train } from '../../src/train/trainer.ts';
import { label, seaDocuments, seaRun, seaTrain, timeless } from './nano-run.ts';

const folder = mkdtempSync(join(tmpdir(), 'tinyseek-memory-'));
const runDir = join(folder, 'run');
const documents = seaDocuments();
const whole = memoryStore();

/** Everything in a store that is not a time. */
function outcomeOf({ files }: MemoryStore, checkpoint = 'checkpoints/step-00000006') {
  const text = (name: string) => new TextDecoder().decode(files.get(name));
  const bytes = (name: string) => Buffer.from(files.get(`${checkpoint}/${name}`) ?? []).toString('base64');
  return {
    model: bytes('model.safetensors'),
    optimizer: bytes('optimizer.safetensors'),
    metrics: timeless(text('metrics.jsonl')),
    samples: timeless(text('samples.jsonl')),
  };
}

/** The store as it is when the process dies at the first event with this label. */
async function killedAt(stop: string): Promise<MemoryStore> {
  const store = memoryStore();
  const onEvent = (event: TrainEvent) => {
    if (label(event) === stop) throw new Error('killed');
  };
  await expect(train({ ...seaRun, documents, store, onEvent })).rejects.toThrow('killed');
  return store;
}

beforeAll(async () => {
  await train({ ...seaRun, documents, runDir });
  await train({ ...seaRun, documents, store: whole });
});

afterAll(() => rmSync(folder, { recursive: true }));

describe('a run in memory', () => {
  it('has the files of a run folder, byte for byte but for the clock; TensorBoard has its own', () => {
    const onDisk = readdirSync(runDir, { recursive: true, encoding: 'utf8', withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(runDir.length + 1))
      .filter((path) => !path.startsWith('tensorboard'));
    expect([...whole.files.keys()].sort()).toEqual([...onDisk, 'published.json'].sort());
    for (const path of onDisk.filter((name) => /safetensors$|config\.json$|tokenizer\.json$/.test(name))) {
      expect([path, Buffer.from(whole.files.get(path)!).equals(readFileSync(join(runDir, path)))]).toEqual([
        path,
        true,
      ]);
    }
    for (const path of ['metrics.jsonl', 'samples.jsonl']) {
      const inMemory = new TextDecoder().decode(whole.files.get(path));
      expect(timeless(inMemory)).toEqual(timeless(readFileSync(join(runDir, path), 'utf8')));
    }
  });

  it('is used up: another run does not fit in', async () => {
    await expect(train({ ...seaRun, documents, store: whole })).rejects.toThrow(/memory is not empty .*another store/);
  });

  it('is for one run at a time', async () => {
    const store = memoryStore('busy');
    const release = await store.claim();
    await expect(train({ ...seaRun, documents, store })).rejects.toThrow('busy is in use by another run');
    await release();
    await (await store.claim())();
  });

  it.each(['step 3', 'eval 4', 'step 6', 'checkpoint 6'])(
    'property: killed at %s and resumed, it equals one that never stopped, bit for bit',
    async (stop) => {
      const store = await killedAt(stop);
      await resumeRun({ store, documents });
      expect(outcomeOf(store)).toEqual(outcomeOf(whole));
    },
  );

  it.each(['step 3', 'step 4', 'eval 6'])('property: interrupted at %s and resumed, as well', async (stop) => {
    const store = memoryStore();
    const controller = new AbortController();
    const onEvent = (event: TrainEvent) => label(event) === stop && controller.abort();
    const { finished } = await train({ ...seaRun, documents, store, onEvent, signal: controller.signal });
    expect(finished).toBe(false);
    await resumeRun({ store, documents });
    const { checkpoint } = await store.latestCheckpoint();
    expect(outcomeOf(store, checkpoint?.path)).toEqual(outcomeOf(whole));
  });

  it('falls back to the checkpoint before a damaged one, with a warning', async () => {
    const store = memoryStore();
    await train({ ...seaRun, documents, store });
    const bytes = store.files.get('checkpoints/step-00000006/model.safetensors')!;
    bytes[bytes.length - 5]! ^= 1;
    const events: TrainEvent[] = [];
    await resumeRun({ store, documents, onEvent: (event) => events.push(event) });
    expect(events.slice(0, 2)).toMatchObject([{ type: 'start', startStep: 4 }, { type: 'warning' }]);
    expect((await store.latestCheckpoint()).warnings).toEqual([]);
  });

  it('can be written to a disk file by file, and goes on there', async () => {
    const store = await killedAt('step 5');
    const copy = join(folder, 'copy');
    for (const [path, bytes] of store.files) {
      mkdirSync(join(copy, dirname(path)), { recursive: true });
      writeFileSync(join(copy, path), bytes);
    }
    const { checkpoint } = await resumeRun({ runDir: copy, documents });
    const weights = readFileSync(join(checkpoint, 'model.safetensors'));
    expect(weights.toString('base64')).toBe(outcomeOf(whole).model);
  });

  it('gives back its model', async () => {
    const before = tf.memory().numTensors;
    const { model, tokenizer, trainerState } = await loadModelFrom(whole);
    expect(tokenizer.vocabSize).toBe(model.config.vocabSize);
    expect(trainerState?.step).toBe(seaTrain.steps);
    model.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  it('is asked for together with a folder, or without either: an error', async () => {
    await expect(train({ ...seaRun, documents })).rejects.toThrow('found neither');
    await expect(train({ ...seaRun, documents, runDir: folder, store: whole })).rejects.toThrow('found both');
  });
});
