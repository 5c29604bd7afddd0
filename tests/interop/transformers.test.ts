// Interop: our folders in the real loaders, and theirs here. Needs Python with transformers; see python.ts.

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Tokenizer as JsTokenizer } from '@huggingface/tokenizers';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { activateBackend } from '../../src/backends/backends.ts';
import { createTokenizer } from '../../src/data/tokenizers/create-tokenizer.ts';
import { loadModel } from '../../src/generate/load-model-folder.ts';
import { importModel } from '../../src/interchange/import-model.ts';
import { openSafetensors } from '../../src/io/safetensors.ts';
import type { DeepseekV3ForCausalLM } from '../../src/model/causal-lm.ts';
import { tf } from '../../src/tensor/tf.ts';
import { hardText } from '../data/text-arbitraries.ts';
import { idTensor, randomIds, smallYarn } from '../model/small-model.ts';
import { type Exported, exportedConfig, writeExported } from './our-models.ts';
import { pythonWithTransformers, runPython } from './python.ts';

const python = pythonWithTransformers();
let folder = '';
const path = (...names: string[]) => join(folder, ...names);

const text = readFileSync(new URL('../../docs/architecture.md', import.meta.url), 'utf8');
const tokenizers = await Promise.all(
  ['bytes', 'bpe:307', 'bpe-deepseek:311', 'r50k_base:1009'].map((spec) => createTokenizer(spec, () => [text])),
);
const bpe = tokenizers[1]!;
const texts = fc.sample(hardText, { numRuns: 300, seed: 7 }).map((sample) => sample.replaceAll('<｜', '<'));

/** At a width of 256, the range of weights that leaves the logits as large as those of the narrow models. */
const wideRange = exportedConfig.initializerRange * Math.sqrt(exportedConfig.hiddenSize / 256);
const plain: Omit<Exported, 'config'> = { format: 'F32', maxShardBytes: 5e9 };
const ours: Readonly<Record<string, Exported>> = {
  base: { config: exportedConfig, ...plain },
  // The only one whose sizes transformers' default implementation of experts takes; the others run its plain one.
  'multiples-of-8': { config: { ...exportedConfig, hiddenSize: 24, moeIntermediateSize: 8 }, ...plain },
  'without-mtp': { config: exportedConfig, ...plain, mtp: false },
  'bf16-sharded-without-mtp': { config: exportedConfig, format: 'BF16', maxShardBytes: 20_000, mtp: false },
  'bf16-sharded': { config: exportedConfig, format: 'BF16', maxShardBytes: 20_000 },
  f16: { config: exportedConfig, format: 'F16', maxShardBytes: 5e9 },
  'no-q-lora': {
    config: { ...exportedConfig, qLoraRank: null, numNextnPredictLayers: 0, nSharedExperts: 2 },
    ...plain,
  },
  yarn: {
    config: {
      ...exportedConfig,
      ...smallYarn,
      ropeScaling: { ...smallYarn.ropeScaling, originalMaxPositionEmbeddings: 32 },
    },
    ...plain,
  },
  linear: {
    config: {
      ...exportedConfig,
      maxPositionEmbeddings: 96,
      ropeScaling: { type: 'linear', factor: 3, originalMaxPositionEmbeddings: 32 },
    },
    ...plain,
  },
  fp8: { config: exportedConfig, format: { block: 128, scales: 'F32' }, maxShardBytes: 5e9 },
  // Several blocks in both directions.
  'fp8-ue8m0': {
    config: { ...exportedConfig, hiddenSize: 256, intermediateSize: 384, initializerRange: wideRange },
    format: { block: 128, scales: 'F8_E8M0' },
    maxShardBytes: 5e9,
  },
  'rope-half': { config: { ...exportedConfig, ropeInterleave: false, normTopkProb: false }, ...plain },
};
const theirs = [
  ...['f32', 'bf16-sharded', 'f16-no-q-lora', 'yarn', 'yarn-no-temperature', 'yarn-unequal', 'yarn-one-absent'],
  ...['all-dense', 'rope-half-claims-mtp', 'no-shared-expert', 'fp8'],
];

const ids = randomIds(2, 61, 302, 11);
const prompt = ids[0]!.slice(0, 7);

interface Answer {
  readonly versions: Readonly<Record<string, string>>;
  readonly ours: Readonly<
    Record<string, Record<string, string[]> & { greedy: number[]; text: string; dtypes: Record<string, string> }>
  >;
  readonly rounded: Readonly<Record<string, boolean>>;
  readonly ids: Readonly<Record<string, number[][]>>;
  readonly drafted: { readonly unexpected_keys: string[]; readonly greedy: number[] };
}

let answer: Answer = { versions: {}, ours: {}, rounded: {}, ids: {}, drafted: { unexpected_keys: [], greedy: [] } };
let reference: (name: string) => Float32Array;
const differences: Record<string, number> = {};

async function logitsOf(model: DeepseekV3ForCausalLM, rows: readonly (readonly number[])[]): Promise<Float32Array> {
  const logits = tf.tidy(() => model.logits(idTensor(rows)));
  const values = await logits.data<'float32'>();
  logits.dispose();
  return Float32Array.from(values);
}

/** 64 tokens, each the most likely one, and the smallest lead that the choice of one had. */
async function greedy(model: DeepseekV3ForCausalLM): Promise<{ tokens: number[]; lead: number }> {
  const tokens: number[] = [];
  let lead = Number.POSITIVE_INFINITY;
  while (tokens.length < 64) {
    const row = (await logitsOf(model, [[...prompt, ...tokens]])).slice(-exportedConfig.vocabSize);
    const [best = 0, second = 0] = Array.from(row.keys()).sort((a, b) => row[b]! - row[a]!);
    lead = Math.min(lead, row[best]! - row[second]!);
    tokens.push(best);
  }
  return { tokens, lead };
}

function largestDifference(a: Float32Array, b: Float32Array): number {
  expect(a.length).toBe(b.length);
  return a.reduce((most, value, index) => Math.max(most, Math.abs(value - b[index]!)), 0);
}

/** Why an FP8 folder was not loaded. */
const withoutAccelerate = 'transformers reads FP8 weights only where the Python package accelerate is installed';

describe.skipIf(python === null)('transformers', () => {
  beforeAll(async () => {
    await activateBackend('engine');
    folder = mkdtempSync(join(tmpdir(), 'tinyseek-interop-'));
    mkdirSync(path('ours'));
    for (const [name, exported] of Object.entries(ours)) {
      await writeExported(path('sources'), path('ours', name), exported, bpe);
    }
    const files = tokenizers.map((tokenizer) => [tokenizer.name, JSON.stringify(tokenizer.toHuggingFace())]);
    const request = { ids, prompt, texts, tokenizers: Object.fromEntries(files), rounded: ['bf16-sharded', 'f16'] };
    writeFileSync(path('request.json'), JSON.stringify(request));
    runPython(python ?? '', 'loaders.py', [folder]);
    answer = JSON.parse(readFileSync(path('answer.json'), 'utf8'));
    const tensors = openSafetensors(path('answer.safetensors'));
    reference = (name) => tensors.read(name);
  });

  afterAll(() => {
    rmSync(folder, { recursive: true, force: true });
    const shown = Object.entries(differences).map(([name, value]) => `${name} ${value.toExponential(1)}`);
    const versions = Object.entries(answer.versions).map(([name, version]) => `${name} ${version}`);
    console.log(`Checked with ${versions.join(', ')}.\nLargest difference of a logit: ${shown.join(', ')}.`);
  });

  describe.each(Object.keys(ours))('loads our %s', (name) => {
    const { config, mtp = true } = ours[name]!;

    it('without missing, mismatched or unexpected keys, but for the MTP layer where it is there', (test) => {
      if (answer.ours[name] === undefined) test.skip(withoutAccelerate); // the package is no part of transformers
      const { missing_keys, mismatched_keys, unexpected_keys } = answer.ours[name]!;
      expect({ missing_keys, mismatched_keys }).toEqual({ missing_keys: [], mismatched_keys: [] });
      const others = unexpected_keys!.filter((key) => !key.startsWith(`model.layers.${config.numHiddenLayers}.`));
      expect(others).toEqual([]);
      expect(unexpected_keys!.length > 0).toBe(mtp && config.numNextnPredictLayers > 0);
    });

    it('with the same logits, and continues with the same 64 tokens and text', async (test) => {
      if (answer.ours[name] === undefined) test.skip(withoutAccelerate); // the package is no part of transformers
      const { model } = loadModel(path('ours', name));
      const difference = largestDifference(await logitsOf(model, ids), reference(`ours.${name}`));
      differences[`ours/${name}`] = difference;
      // Both compute in float32 from the same stored weights; logits reach about 6 here.
      expect(difference).toBeLessThan(1e-4);
      const { tokens, lead } = await greedy(model);
      expect(lead).toBeGreaterThan(1e-4); // otherwise rounding could decide, and equality would mean nothing
      expect(answer.ours[name]!.greedy).toEqual(tokens);
      expect(answer.ours[name]!.text).toBe(bpe.decode(tokens));
      model.dispose();
    });
  });

  it('drafts with our MTP module, and the text stays the same', () => {
    expect(answer.drafted).toEqual({ unexpected_keys: [], greedy: answer.ours['multiples-of-8']!.greedy });
  });

  it('stores each weight as torch rounds it, and the balancing biases as float32', () => {
    expect(answer.rounded).toEqual({ 'bf16-sharded': true, f16: true });
    for (const [name, dtype] of Object.entries(answer.ours['bf16-sharded']!.dtypes)) {
      expect([name, dtype]).toEqual([name, name.endsWith('_bias') ? 'torch.float32' : 'torch.bfloat16']);
    }
  });

  describe.each(theirs)('writes %s', (name) => {
    it('which loads here with the same logits, directly and imported', async () => {
      importModel(path('theirs', name), path('imported', name));
      for (const source of [path('theirs', name), path('imported', name)]) {
        const { model } = loadModel(source);
        const difference = largestDifference(await logitsOf(model, ids), reference(`theirs.${name}`));
        differences[`theirs/${name}`] = difference;
        expect(difference).toBeLessThan(1e-4);
        model.dispose();
      }
    });
  });

  it('fine-tunes an export, which then imports as one without its MTP module', () => {
    writeFileSync(path('text.txt'), text);
    const args = [path('ours', 'base'), path('text.txt'), path('tuned'), '10'];
    const losses = Array.from(
      runPython(python ?? '', 'finetune.py', args).matchAll(/loss ([\d.]+)/g),
      ([, loss]) => loss,
    );
    expect(losses.length).toBe(2);
    expect(Number(losses[1])).toBeLessThan(Number(losses[0]));
    const { config, warnings } = importModel(path('tuned'), path('imported', 'tuned'));
    expect(config.numNextnPredictLayers).toBe(0);
    expect(warnings.length).toBe(1);
  });

  it('says that MTP layers are claimed and not there', () => {
    const { warnings } = importModel(path('theirs', 'rope-half-claims-mtp'), path('imported', 'warned'));
    expect(warnings).toEqual([expect.stringContaining('num_nextn_predict_layers is 1, but the weights have 0')]);
  });

  it.each(tokenizers.map((tokenizer) => [tokenizer.name, tokenizer] as const))(
    'property: the tokenizer %s gives the same ids in Rust, in JavaScript and here',
    (name, tokenizer) => {
      const library = new JsTokenizer(tokenizer.toHuggingFace(), {});
      texts.forEach((sample, index) => {
        const expected = Array.from(tokenizer.encode(sample));
        expect([sample, answer.ids[name]![index]]).toEqual([sample, expected]);
        expect([sample, library.encode(sample, { add_special_tokens: false }).ids]).toEqual([sample, expected]);
      });
    },
  );
});
