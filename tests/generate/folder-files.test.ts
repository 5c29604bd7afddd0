// What the files of a model folder say about its tokens, prompts and sampling, against what transformers makes of them.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { addedTokens } from '../../src/data/tokenizers/added-tokens.ts';
import { openPromptFormat } from '../../src/generate/chat/prompt-format.ts';
import { folderTokenizer, type TokenizerFiles } from '../../src/generate/folder-tokenizer.ts';
import { describeDefaults, readGenerationDefaults } from '../../src/generate/generation-defaults.ts';
import type { JsonObject } from '../../src/io/json.ts';
import { loadGoldenJson } from '../goldens/load.ts';

const root = mkdtempSync(join(tmpdir(), 'tinyseek-folder-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

interface FolderCase {
  readonly name: string;
  readonly files: Readonly<Record<string, JsonObject>>;
  readonly post_processor: JsonObject | null;
  readonly ends: number[];
  readonly prompt: number[];
}

const goldens = loadGoldenJson('foreign-tokens.json');
const [cases, text] = [goldens.cases as FolderCase[], String(goldens.text)];
const plainTokenizer = goldens.tokenizer as JsonObject;

/** 265 tokens, of which 0, 1 and 2 are `<|endoftext|>`, `<|im_start|>` and `<|im_end|>`. */
function filesOf({ files, post_processor }: Pick<FolderCase, 'files' | 'post_processor'>): TokenizerFiles {
  return {
    hfConfig: files['config.json'] ?? {},
    tokenizerJson: { ...plainTokenizer, post_processor },
    tokenizerConfig: files['tokenizer_config.json'] ?? null,
    generationConfig: files['generation_config.json'] ?? null,
  };
}

function read(files: Readonly<Record<string, JsonObject>>, json = plainTokenizer, vocabSize = 300) {
  return folderTokenizer('x', { ...filesOf({ files, post_processor: null }), tokenizerJson: json }, { vocabSize });
}

let count = 0;
function writeFolder(files: Readonly<Record<string, JsonObject>>): string {
  const folder = join(root, String(count++));
  mkdirSync(folder);
  for (const [name, json] of Object.entries(files)) writeFileSync(join(folder, name), JSON.stringify(json));
  return folder;
}

describe('the tokens of a folder from elsewhere', () => {
  it.each(cases)('golden: $name', async (golden) => {
    const { tokenizer } = folderTokenizer('x', filesOf(golden), { vocabSize: 300 });
    expect([tokenizer.endTokenIds, tokenizer.eosTokenId]).toEqual([golden.ends, golden.ends[0]]);
    const { start } = await openPromptFormat(writeFolder(golden.files), tokenizer);
    expect([...start, ...tokenizer.encode(text)]).toEqual(golden.prompt);
  });

  it('are no more than the files have: no token is made up, also not in spare rows', async () => {
    const { tokenizer } = read({ 'tokenizer_config.json': {} }, { ...plainTokenizer, added_tokens: [] });
    expect(tokenizer.vocabSize).toBe(Object.keys((plainTokenizer.model as { vocab: object }).vocab).length);
    expect([tokenizer.bosTokenId, tokenizer.eosTokenId, tokenizer.fim]).toEqual([null, null, null]);
    expect(tokenizer.endTokenIds).toEqual([]);
    expect(addedTokens(tokenizer)).toEqual([]);
    expect((await openPromptFormat(writeFolder({ 'config.json': {} }), tokenizer)).start).toEqual([]);
  });

  it('are found by the names of other models where no file says', () => {
    const { tokenizer, notes } = read({});
    expect([tokenizer.eosTokenId, tokenizer.endTokenIds, notes]).toEqual([0, [0], []]);
  });

  it('end where an ordinary token is named, and nowhere, with a note, where there is no such token', () => {
    expect(read({ 'tokenizer_config.json': { eos_token: 'h' } }).tokenizer.endTokenIds).toHaveLength(1);
    const bare = { ...plainTokenizer, added_tokens: [] };
    expect(read({ 'tokenizer_config.json': { eos_token: '<|stop|>' } }, bare).notes).toEqual([
      'tokenizer_config.json: the tokenizer has no "<|stop|>", which is named as eos_token',
      'tokenizer: no token ends an answer; answers end at their greatest length',
    ]);
  });

  it('are not those that the vocabulary of the model lacks, and that is said', () => {
    const added = [...(plainTokenizer.added_tokens as object[]), { id: 265, content: '[PAD]' }];
    const json = { ...plainTokenizer, added_tokens: added };
    expect(read({}, json, 266).tokenizer.vocabSize).toBe(266);
    const { tokenizer, notes } = read({ 'config.json': { eos_token_id: [2, 265] } }, json, 265);
    expect([tokenizer.vocabSize, tokenizer.endTokenIds]).toEqual([265, [2]]);
    expect(notes).toEqual(['tokenizer: "[PAD]" is not in the model\'s vocabulary of 265 tokens; it is not used']);
    expect(() => read({}, json, 264)).toThrow('a tokenizer of 265 tokens and a model of 264');
  });
});

describe('the sampling of a generation_config.json', () => {
  interface SamplingCase {
    readonly file: JsonObject;
    readonly drawn: Readonly<Record<string, number | boolean | null>>;
  }

  it.each(goldens.sampling as SamplingCase[])('golden: $file', ({ file, drawn }) => {
    const { sampling, maxNewTokens, notes } = readGenerationDefaults(file);
    expect([maxNewTokens, notes]).toEqual([drawn.max_new_tokens, []]);
    // transformers takes the most likely token where a file says nothing; here the commands have defaults of their own.
    if (Object.keys(file).join() === 'max_new_tokens') return expect(sampling).toBeNull();
    expect(sampling).toEqual({
      temperature: drawn.do_sample === true ? drawn.temperature : 0,
      topK: drawn.top_k,
      topP: drawn.top_p,
      minP: drawn.min_p ?? 0,
      repetitionPenalty: drawn.repetition_penalty,
    });
  });

  it('is nothing for the files that we and transformers write of our own accord', () => {
    const own = { _from_model_config: true, bos_token_id: 1, eos_token_id: [2, 3], transformers_version: '5.18.0' };
    expect(readGenerationDefaults({ ...own, output_attentions: false, use_cache: true })).toEqual({
      sampling: null,
      maxNewTokens: null,
      notes: [],
    });
    expect(readGenerationDefaults(null).sampling).toBeNull();
  });

  it('is followed as far as it can be, and the rest is said', () => {
    const { sampling, notes } = readGenerationDefaults({
      temperature: 0.7,
      top_p: 7,
      num_beams: 4,
      no_repeat_ngram_size: 3,
      typical_p: 1,
      suppress_tokens: [],
    });
    expect(sampling).toEqual({ temperature: 0, topK: 50, topP: 1, minP: 0, repetitionPenalty: 1 });
    expect(notes).toEqual([
      'generation_config.json: do_sample is not true, so the most likely token is taken every time, as in transformers',
      'generation_config.json: top_p (7) cannot be used',
      'generation_config.json: num_beams (4) is not supported and left out',
      'generation_config.json: no_repeat_ngram_size (3) is not supported and left out',
    ]);
  });

  it('is told in a sentence', () => {
    const file = { do_sample: true, temperature: 0.6, top_p: 0.95, repetition_penalty: 1.1, max_new_tokens: 99 };
    expect(describeDefaults(readGenerationDefaults(file))).toBe(
      'temperature 0.6, top-k 50, top-p 0.95, repetition penalty 1.1, at most 99 tokens',
    );
    expect(describeDefaults(readGenerationDefaults({ do_sample: false }))).toBe('the most likely token every time');
    expect(describeDefaults(readGenerationDefaults({}))).toBeNull();
  });
});
