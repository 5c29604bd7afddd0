import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { activateBackend } from '../../src/backends/backends.ts';
import { withVocabulary } from '../../src/config/presets.ts';
import { createBytesTokenizer } from '../../src/data/tokenizers/bytes.ts';
import { loadModelFrom } from '../../src/generate/load-model.ts';
import { loadModel } from '../../src/generate/load-model-folder.ts';
import { DeepseekV3ForCausalLM } from '../../src/model/causal-lm.ts';
import { memoryStore } from '../../src/runs/memory-store.ts';
import { saveModel } from '../../src/train/save-model.ts';
import { useTempFolder } from '../io/helpers.ts';
import { nanoModel } from './nano.ts';

const path = useTempFolder();
const tokenizer = createBytesTokenizer();
const config = withVocabulary(nanoModel, tokenizer);

beforeAll(async () => void (await activateBackend('wasm')));

async function weightsOf(model: DeepseekV3ForCausalLM) {
  const tensors = await model.exportTensors();
  model.dispose();
  return tensors;
}

describe('saveModel', () => {
  it('writes a Hugging Face folder that loads again, bit for bit', async () => {
    const model = new DeepseekV3ForCausalLM(config, 3);
    await saveModel(model, tokenizer, path('new', 'mine'));
    expect(readdirSync(path('new', 'mine')).sort()).toEqual([
      'config.json',
      'generation_config.json',
      'model.safetensors',
      'tokenizer.json',
      'tokenizer_config.json',
    ]);
    const loaded = loadModel(path('new', 'mine'));
    expect(loaded.config).toEqual(config);
    expect(loaded.warnings).toEqual([]);
    expect(await weightsOf(loaded.model)).toEqual(await weightsOf(model));
  });

  it('does not write over what is there', async () => {
    writeFileSync(path('file'), 'kept');
    const model = new DeepseekV3ForCausalLM(config, 3);
    await expect(saveModel(model, tokenizer, path())).rejects.toThrow('is not empty; choose another folder');
    expect(readFileSync(path('file'), 'utf8')).toBe('kept');
    model.dispose();
  });

  it('keeps the last one in a store', async () => {
    const store = memoryStore();
    await expect(loadModelFrom(store)).rejects.toThrow('neither a saved model nor a checkpoint');
    const [first, second] = [new DeepseekV3ForCausalLM(config, 3), new DeepseekV3ForCausalLM(config, 5)];
    await saveModel(first, tokenizer, store);
    await saveModel(second, tokenizer, store);
    const { model } = await loadModelFrom(store);
    expect(await weightsOf(model)).toEqual(await weightsOf(second));
    expect(new Set([...store.files.keys()].map((file) => file.split('/').slice(0, 2).join('/')))).toEqual(
      new Set(['published.json', 'models/model.2']),
    );
    first.dispose();
  });

  it('refuses a tokenizer that has more tokens than the model', async () => {
    const model = new DeepseekV3ForCausalLM({ ...config, vocabSize: 260, bosTokenId: 1, eosTokenId: 2 }, 3);
    await expect(saveModel(model, tokenizer, path('a'))).rejects.toThrow('bytes has 261 tokens and the model 260');
    model.dispose();
  });
});
