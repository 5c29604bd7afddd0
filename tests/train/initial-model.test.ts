import { createHash } from 'node:crypto';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { activateBackend } from '../../src/backends/backends.ts';
import { withVocabulary } from '../../src/config/presets.ts';
import type { TrainConfig } from '../../src/config/train-config.ts';
import { createTokenizer } from '../../src/data/tokenizers/create-tokenizer.ts';
import { tokenizerFromHuggingFace } from '../../src/data/tokenizers/hugging-face-tokenizer.ts';
import { importModel } from '../../src/interchange/import-model.ts';
import { readCheckpoint } from '../../src/io/read-checkpoint.ts';
import { readAllTensors } from '../../src/io/tensor-source.ts';
import { DeepseekV3ForCausalLM } from '../../src/model/causal-lm.ts';
import { memoryStore } from '../../src/runs/memory-store.ts';
import type { TrainEvent } from '../../src/train/events.ts';
import { saveModel } from '../../src/train/save-model.ts';
import { resumeRun, type TrainOptions, train } from '../../src/train/trainer.ts';
import { label, seaDocuments, seaRun, seaTrain, timeless } from '../runs/nano-run.ts';
import { nanoModel } from './nano.ts';

const folder = mkdtempSync(join(tmpdir(), 'tinyseek-init-'));
const source = join(folder, 'source');
const checkpoint = join(source, 'checkpoints', 'step-00000006');
const documents = seaDocuments();
/** Another text than the one of the source. */
const newDocuments = documents.map((text) => text.split(' ').reverse().join(' '));
const bpe = await createTokenizer('bpe:283', () => documents);
const { tokenizer: _tokenizer, ...settings } = {
  ...seaTrain,
  ...{ keepCheckpoints: 9, evalEvery: 0, sampleTokens: 0 },
} satisfies TrainConfig;
let runs = 0;

beforeAll(async () => {
  await train({ ...seaRun, train: { ...seaTrain, tokenizer: 'bpe:283' }, documents, runDir: source });
});

afterAll(() => rmSync(folder, { recursive: true }));

/** A run that starts from a model. */
function runFrom(init: NonNullable<TrainOptions['init']>, changes: Partial<TrainConfig> = {}) {
  const runDir = join(folder, `run-${runs++}`);
  const train = { ...settings, ...changes };
  return { init, train, backend: 'wasm', documents: newDocuments, runDir } satisfies TrainOptions;
}

async function trained(options: TrainOptions) {
  const events: TrainEvent[] = [];
  const result = await train({ ...options, onEvent: (event) => events.push(event) });
  const notes = events.flatMap((event) => (event.type === 'note' ? [event.message] : []));
  return { result, events, notes };
}

/** The weights that a run begins with: it is stopped before its first step. */
async function firstWeights(options: TrainOptions) {
  const { checkpoint } = await train({ ...options, signal: AbortSignal.abort() });
  return weightsOf(checkpoint);
}

function weightsOf(path: string): Map<string, number[]> {
  const opened = readCheckpoint(path);
  const tensors = readAllTensors(opened.model);
  opened.close();
  return new Map(tensors.map(({ name, data }) => [name, Array.from(data)]));
}

const jsonOf = (...path: string[]) => JSON.parse(readFileSync(join(...path), 'utf8'));

/** The source as transformers saves it: without the MTP layer, which `config.json` still counts. */
function withoutMtp(): string {
  const copy = join(folder, `no-mtp-${runs++}`);
  cpSync(checkpoint, copy, { recursive: true });
  for (const name of ['trainer.json', 'optimizer.safetensors']) rmSync(join(copy, name));
  const bytes = readFileSync(join(copy, 'model.safetensors'));
  const headerLength = Number(bytes.readBigUInt64LE());
  const header: Record<string, { data_offsets?: number[] }> = JSON.parse(bytes.toString('utf8', 8, 8 + headerLength));
  const kept = Object.entries(header).filter(
    ([name]) => !name.startsWith(`model.layers.${nanoModel.numHiddenLayers}.`),
  );
  const parts: Buffer[] = [];
  let at = 0;
  for (const [, tensor] of kept) {
    if (tensor.data_offsets === undefined) continue;
    const [begin = 0, end = 0] = tensor.data_offsets;
    parts.push(bytes.subarray(8 + headerLength + begin, 8 + headerLength + end));
    tensor.data_offsets = [at, at + end - begin];
    at += end - begin;
  }
  const json = Buffer.from(JSON.stringify(Object.fromEntries(kept)));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  writeFileSync(join(copy, 'model.safetensors'), Buffer.concat([length, json, ...parts]));
  return copy;
}

describe('a run from a model', () => {
  it('begins with its weights and balancing biases, at step 0, with a new optimizer and average', async () => {
    const options = runFrom(source);
    expect(await firstWeights(options)).toEqual(weightsOf(checkpoint));
    const biases = [...weightsOf(checkpoint)].filter(([name]) => name.endsWith('e_score_correction_bias'));
    expect(biases.some(([, values]) => values.some((value) => value !== 0))).toBe(true);
    const opened = readCheckpoint(join(options.runDir, 'checkpoints', 'step-00000000'));
    const optimizer = new Map(readAllTensors(opened.optimizer!).map(({ name, data }) => [name, Array.from(data)]));
    opened.close();
    expect(optimizer.get('exp_avg.lm_head.weight')?.every((value) => value === 0)).toBe(true);
    expect(optimizer.get('ema.lm_head.weight')).toEqual(weightsOf(checkpoint).get('lm_head.weight'));
  });

  it('records where it came from, in its settings and in every checkpoint, and says so', async () => {
    const options = runFrom(source);
    const { notes, events, result } = await trained(options);
    const sha256 = createHash('sha256')
      .update(readFileSync(join(checkpoint, 'model.safetensors')))
      .digest('hex');
    expect(jsonOf(options.runDir, 'run.json')).toMatchObject({
      init: { path: checkpoint, sha256 },
      train: { tokenizer: 'bpe:283', data: 'text in memory' },
    });
    expect(jsonOf(result.checkpoint, 'trainer.json').state.init).toEqual({ path: checkpoint, sha256 });
    expect(notes).toEqual([
      `Starting from the weights of ${checkpoint} (SHA-256 ${sha256.slice(0, 12)}), with a new optimizer, at step 0.`,
    ]);
    expect(events[0]).toMatchObject({ type: 'start', startStep: 0 });
    expect(jsonOf(result.checkpoint, 'tokenizer.json')).toEqual(jsonOf(checkpoint, 'tokenizer.json'));
  });

  it.each(['a checkpoint', 'a folder of another program', 'a store', 'a saved model'])(
    'begins the same from %s',
    async (kind) => {
      const imported = join(folder, `imported-${runs++}`);
      const store = memoryStore();
      if (kind === 'a folder of another program') importModel(checkpoint, imported);
      if (kind === 'a store') {
        await train({ ...seaRun, train: { ...seaTrain, tokenizer: 'bpe:283' }, documents, store });
      }
      if (kind === 'a saved model') {
        const { loadModel } = await import('../../src/generate/load-model-folder.ts');
        await activateBackend('wasm');
        const { model, tokenizer } = loadModel(checkpoint);
        await saveModel(model, tokenizer, store);
        model.dispose();
      }
      const init = kind === 'a checkpoint' ? checkpoint : kind === 'a folder of another program' ? imported : store;
      const options = runFrom(init);
      expect(await firstWeights(options)).toEqual(weightsOf(checkpoint));
      if (init === imported) {
        expect(jsonOf(options.runDir, 'run.json').train.tokenizer).toBe(`file:${imported}/tokenizer.json`);
      }
    },
  );

  it('property: is the same run to the last bit whichever of the places the model lies in', async () => {
    const imported = join(folder, `imported-${runs++}`);
    importModel(checkpoint, imported);
    const [a, b] = [runFrom(source), runFrom(imported)];
    const results = [await train(a), await train(b)];
    const [first, second] = results.map((result) => readFileSync(join(result.checkpoint, 'model.safetensors')));
    expect(first?.equals(second!)).toBe(true);
  });

  it.each(['start', 'step 1', 'checkpoint 2', 'step 5'])(
    'property: killed at %s and resumed, it equals one that never stopped, bit for bit',
    async (stop) => {
      const [whole, killed] = [runFrom(source), runFrom(source)];
      await train(whole);
      const onEvent = (event: TrainEvent) => {
        if (label(event) === stop) throw new Error('killed');
      };
      await expect(train({ ...killed, onEvent })).rejects.toThrow('killed');
      const notes: string[] = [];
      await resumeRun({
        runDir: killed.runDir,
        documents: newDocuments,
        onEvent: (event) => event.type === 'note' && notes.push(event.message),
      });
      expect(notes.length).toBe(stop === 'start' || stop === 'step 1' ? 2 : 0);
      const log = (runDir: string) => timeless(readFileSync(join(runDir, 'metrics.jsonl'), 'utf8'));
      expect(log(killed.runDir)).toEqual(log(whole.runDir));
      expect(weightsOf(join(killed.runDir, 'checkpoints', 'step-00000006'))).toEqual(
        weightsOf(join(whole.runDir, 'checkpoints', 'step-00000006')),
      );
    },
  );

  it('goes on from its own checkpoint when the model is gone, and from step 0 only while it is there', async () => {
    const copy = join(folder, 'moving');
    cpSync(checkpoint, copy, { recursive: true });
    const kill = (stop: string) => (event: TrainEvent) => {
      if (label(event) === stop) throw new Error('killed');
    };
    const [late, early] = [runFrom(copy), runFrom(copy)];
    await expect(train({ ...late, onEvent: kill('step 3') })).rejects.toThrow('killed');
    await expect(train({ ...early, onEvent: kill('step 1') })).rejects.toThrow('killed');
    rmSync(copy, { recursive: true });
    expect((await resumeRun({ runDir: late.runDir, documents: newDocuments })).finished).toBe(true);
    await expect(resumeRun({ runDir: early.runDir, documents: newDocuments })).rejects.toThrow('moving does not exist');
    cpSync(join(source, 'checkpoints', 'step-00000004'), copy, { recursive: true });
    await expect(resumeRun({ runDir: early.runDir, documents: newDocuments })).rejects.toThrow(
      /started from the weights of .*moving .*they have changed since \(SHA-256 \w{12}, then \w{12}\); put them back/,
    );
  });

  it('started from a store needs the store again before its first checkpoint', async () => {
    const store = memoryStore('origin');
    await train({ ...seaRun, train: { ...seaTrain, tokenizer: 'bpe:283' }, documents, store });
    const options = runFrom(store);
    const onEvent = (event: TrainEvent) => {
      if (label(event) === 'step 1') throw new Error('killed');
    };
    await expect(train({ ...options, onEvent })).rejects.toThrow('killed');
    const again = { runDir: options.runDir, documents: newDocuments };
    await expect(resumeRun(again)).rejects.toThrow('origin does not exist');
    expect((await resumeRun({ ...again, init: store })).finished).toBe(true);
  });
});

describe('what must agree with the model', () => {
  it('names both sides of every setting of the shape that differs', async () => {
    const model = { hiddenSize: 64, kvLoraRank: nanoModel.kvLoraRank, nRoutedExperts: 8 };
    await expect(train({ ...runFrom(source), model })).rejects.toThrow(
      /init: the model in .*step-00000006 has another shape: hiddenSize is 32 there, and 64 was asked for, nRoutedExperts is 16 there, and 8 was asked for; leave these settings out/,
    );
  });

  it('takes a shape that is named and the same, whatever its vocabulary', async () => {
    const options = { ...runFrom(source, { steps: 1 }), model: nanoModel };
    expect((await train(options)).finished).toBe(true);
  });

  it('names both tokenizers', async () => {
    await expect(train({ ...runFrom(source), train: { ...settings, tokenizer: 'bytes' } })).rejects.toThrow(
      /has the tokenizer bpe:283 \(283 tokens\), and bytes was asked for; leave the tokenizer out/,
    );
    const bytes = await createTokenizer('bytes', () => []);
    await expect(train({ ...runFrom(source), tokenizer: bytes })).rejects.toThrow(
      /init: .* has the tokenizer bpe:283 \(283 tokens\), and another one was given: bytes \(261 tokens\)/,
    );
    const own = tokenizerFromHuggingFace(jsonOf(checkpoint, 'tokenizer.json'));
    const same = { ...runFrom(source, { steps: 1, tokenizer: 'bpe:283' }), tokenizer: own };
    expect((await train(same)).finished).toBe(true);
  });

  it('refuses longer rows than the model has positions for', async () => {
    await expect(train(runFrom(source, { seqLen: 65 }))).rejects.toThrow(
      /seqLen \(65\) must be at most maxPositionEmb/,
    );
  });

  it('says what is no model', async () => {
    await expect(train(runFrom(join(folder, 'nowhere')))).rejects.toThrow('nowhere does not exist');
    await expect(train(runFrom(memoryStore()))).rejects.toThrow('neither a saved model nor a checkpoint');
  });
});

describe('MTP modules that the folder lacks', () => {
  it('start from fresh weights if its config counts them, and that is said', async () => {
    const lacking = withoutMtp();
    const options = runFrom(lacking);
    const first = await firstWeights(options);
    const names = [...first.keys()];
    expect(names).toEqual([...weightsOf(checkpoint).keys()]);
    for (const [name, values] of weightsOf(lacking)) expect([name, first.get(name)]).toEqual([name, values]);
    await activateBackend('wasm');
    const fresh = new DeepseekV3ForCausalLM(withVocabulary(nanoModel, bpe), settings.seed);
    const expected = new Map((await fresh.exportTensors()).map(({ name, data }) => [name, Array.from(data)]));
    fresh.dispose();
    expect(first.get('model.layers.2.eh_proj.weight')).toEqual(expected.get('model.layers.2.eh_proj.weight'));
    const { notes } = await trained(runFrom(lacking, { steps: 1 }));
    expect(notes[1]).toMatch(/no-mtp-\d+ has 0, the model is to have 1; the rest start from fresh weights/);
  });

  it('are left out if that is asked for', async () => {
    const { notes, result } = await trained({
      ...runFrom(withoutMtp(), { steps: 1 }),
      model: { numNextnPredictLayers: 0 },
    });
    expect(notes).toHaveLength(1);
    expect(jsonOf(result.checkpoint, 'config.json').num_nextn_predict_layers).toBe(0);
  });

  it('can be added, but none that is there can be dropped', async () => {
    const more = { ...runFrom(source, { steps: 1 }), model: { numNextnPredictLayers: 2 } };
    const { notes, result } = await trained(more);
    expect(notes[1]).toContain('has 1, the model is to have 2');
    expect(jsonOf(result.checkpoint, 'config.json').num_nextn_predict_layers).toBe(2);
    await expect(train({ ...runFrom(source), model: { numNextnPredictLayers: 0 } })).rejects.toThrow(
      'numNextnPredictLayers is 1 there, and 0 was asked for',
    );
  });
});
