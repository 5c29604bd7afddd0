// Every tokenizer: exact round trips, and the same ids as Hugging Face's two libraries give for our tokenizer.json.

import { Tokenizer as JsTokenizer } from '@huggingface/tokenizers';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { loadBuiltIn } from '../../src/data/corpora/built-in.ts';
import { applyMerges, createMergeTable, type MergeTable } from '../../src/data/tokenizers/bpe-merges.ts';
import { createTokenizer } from '../../src/data/tokenizers/create-tokenizer.ts';
import { tokenizerFromHuggingFace } from '../../src/data/tokenizers/hugging-face-tokenizer.ts';
import { tokenizerConfig } from '../../src/data/tokenizers/tokenizer-config.ts';
import { UserError } from '../../src/errors.ts';
import { rustTokenizers } from './rust-tokenizers.ts';
import { hardText } from './text-arbitraries.ts';

const trainingTexts = loadBuiltIn('moby-dick')!.slice(2, 13);
const specs = ['bytes', 'bpe:521', 'bpe-deepseek:523', 'r50k_base:1009', 'cl100k_base:1013', 'o200k_base:1019'];
const sizes = [256 + 5, 521, 523, 1009 + 5, 1013 + 5, 1019 + 5];
const runs = { numRuns: 100 };

describe.each(specs.map((spec, i) => [spec, sizes[i] ?? 0] as const))('tokenizer %s', async (spec, vocabSize) => {
  const tokenizer = await createTokenizer(spec, () => trainingTexts);
  const json = JSON.stringify(tokenizer.toHuggingFace());

  it('has the size and the special ids it says, at the end', () => {
    const { bosTokenId, eosTokenId, fim } = tokenizer;
    expect(tokenizer.name).toBe(spec);
    expect(tokenizer.vocabSize).toBe(vocabSize);
    expect([bosTokenId, eosTokenId, fim.begin, fim.hole, fim.end]).toEqual([5, 4, 3, 2, 1].map((i) => vocabSize - i));
  });

  it('property: gives back every well-formed text exactly, and never makes a special token', () => {
    fc.assert(
      fc.property(hardText, (text) => {
        const ids = tokenizer.encode(text);
        expect(tokenizer.decode(ids)).toBe(text);
        expect(Math.max(...ids, 0)).toBeLessThan(vocabSize - 5);
        const bytes = ids.reduce((sum, id) => sum + tokenizer.byteLength(id), 0);
        expect(bytes).toBe(Buffer.byteLength(text));
      }),
      runs,
    );
  });

  it('has a token for every byte, so any bytes can be spelled', () => {
    const spelled = new Set<string>();
    for (let id = 0; id < vocabSize; id++) {
      if (tokenizer.byteLength(id) === 1) spelled.add(String(tokenizer.decodeBytes([id])));
    }
    expect(spelled.size).toBe(256);
  });

  const withRust = it.skipIf(rustTokenizers === null);
  withRust('golden: property: gives the ids of the Rust library for its tokenizer.json', async () => {
    const rust = rustTokenizers!.Tokenizer.fromString(json);
    await fc.assert(
      fc.asyncProperty(hardText, async (text) => {
        // The library looks for special tokens in the text, where ours are ordinary text.
        const plain = text.replaceAll('<｜', '<');
        const theirs = (await rust.encode(plain, null, { addSpecialTokens: false })).getIds();
        expect(Array.from(tokenizer.encode(plain))).toEqual(theirs);
      }),
      runs,
    );
  });

  it('golden: property: gives the ids of the JavaScript library for its tokenizer.json', () => {
    const library = new JsTokenizer(JSON.parse(json), tokenizerConfig(tokenizer));
    fc.assert(
      fc.property(hardText, (text) => {
        const plain = text.replaceAll('<｜', '<');
        expect(Array.from(tokenizer.encode(plain))).toEqual(library.encode(plain).ids);
      }),
      runs,
    );
  });

  it('property: comes back from its tokenizer.json with the same ids', () => {
    const again = tokenizerFromHuggingFace(JSON.parse(json), spec);
    expect({ ...again, ...functionsOf(tokenizer) }).toEqual(tokenizer);
    expect(again.toHuggingFace()).toEqual(tokenizer.toHuggingFace());
    fc.assert(
      fc.property(hardText, (text) => {
        expect(again.encode(text)).toEqual(tokenizer.encode(text));
      }),
      runs,
    );
  });

  it('decodes parts of a character as U+FFFD and all of its bytes as the character', () => {
    const whale = Array.from(Buffer.from('🐳'), (byte) => singleByteId(byte));
    expect(tokenizer.decode(whale)).toBe('🐳');
    expect(tokenizer.decode(whale.slice(0, 3))).toBe('\uFFFD');
    expect(tokenizer.decode([...whale.slice(0, 2), tokenizer.eosTokenId, ...whale.slice(2)])).toBe('🐳');
  });

  it('encodes a lone surrogate as U+FFFD', () => {
    expect(tokenizer.encode('a\uD83Db\uDC33')).toEqual(tokenizer.encode('a\uFFFDb\uFFFD'));
  });

  it.each([-1, vocabSize, 0.5, Number.NaN])('refuses the id %d', (id) => {
    expect(() => tokenizer.decodeBytes([id])).toThrow(UserError);
    expect(() => tokenizer.byteLength(id)).toThrow(/is out of range/);
  });

  function singleByteId(byte: number): number {
    for (let id = 0; id < vocabSize; id++) {
      const bytes = tokenizer.decodeBytes([id]);
      if (bytes.length === 1 && bytes[0] === byte) return id;
    }
    throw new Error(`no token for byte ${byte}`);
  }
});

/** The functions of a tokenizer, which have no equality of their own. */
function functionsOf(tokenizer: object): object {
  return Object.fromEntries(Object.entries(tokenizer).filter(([, value]) => typeof value === 'function'));
}

describe('tokenizerConfig', () => {
  it('names the special tokens and adds none to prompts', async () => {
    const config = tokenizerConfig(await createTokenizer('bytes', () => []));
    expect(config).toMatchObject({
      tokenizer_class: 'PreTrainedTokenizerFast',
      bos_token: '<｜begin▁of▁sentence｜>',
      eos_token: '<｜end▁of▁sentence｜>',
      add_bos_token: false,
    });
  });
});

describe('a long word', () => {
  it('of 200,000 letters is encoded like any other', async () => {
    const tokenizer = await createTokenizer('r50k_base:1009', () => []);
    const text = 'ab'.repeat(100_000);
    expect(tokenizer.decode(tokenizer.encode(text))).toBe(text);
  });

  it('costs a few looks at the merges a letter, where a search for each merge would take as many as it has letters', () => {
    // Pairs of pairs of pairs: [0 0] makes 1, [1 1] makes 2, and so on.
    const table = createMergeTable(Array.from({ length: 13 }, (_, id) => [id, id, id + 1] as const));
    const word = new Uint8Array(20_000);
    // One look for each pair at first, two for each that a merge makes, and one for each when its turn comes.
    const most = 6 * word.length;
    let looks = 0;
    const rank: MergeTable['rank'] = (left, right) => {
      if (++looks > most) throw new Error(`more than ${most} looks at the merges`);
      return table.rank(left, right);
    };
    const ids = applyMerges(word, { ...table, rank });
    expect(ids.reduce((letters, id) => letters + 2 ** id, 0)).toBe(word.length);
  });
});
