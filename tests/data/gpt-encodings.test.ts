import fc from 'fast-check';
import { BytePairEncodingCore } from 'gpt-tokenizer/BytePairEncodingCore';
import cl100k from 'gpt-tokenizer/bpeRanks/cl100k_base';
import o200k from 'gpt-tokenizer/bpeRanks/o200k_base';
import r50k from 'gpt-tokenizer/bpeRanks/r50k_base';
import * as patterns from 'gpt-tokenizer/encodingParams/constants';
import { describe, expect, it } from 'vitest';
import { loadBuiltIn } from '../../src/data/corpora/built-in.ts';
import { createTokenizer } from '../../src/data/tokenizers/create-tokenizer.ts';
import { hardText } from './text-arbitraries.ts';

const cases = [
  { spec: 'r50k_base', ranks: r50k, split: patterns.R50K_TOKEN_SPLIT_REGEX },
  { spec: 'cl100k_base:30011', ranks: cl100k.slice(0, 30011), split: patterns.CL100K_TOKEN_SPLIT_REGEX },
  { spec: 'o200k_base:30013', ranks: o200k.slice(0, 30013), split: patterns.O200K_TOKEN_SPLIT_REGEX },
  { spec: 'r50k_base:1021', ranks: r50k.slice(0, 1021), split: patterns.R50K_TOKEN_SPLIT_REGEX },
];

describe.each(cases)('$spec', async ({ spec, ranks, split }) => {
  const tokenizer = await createTokenizer(spec, () => []);
  const library = new BytePairEncodingCore({ bytePairRankDecoder: ranks, tokenSplitRegex: split });

  it('golden: property: gives the ids of gpt-tokenizer', () => {
    fc.assert(
      fc.property(hardText, (text) => {
        // JavaScript's blanks, which the library splits by, differ from Unicode's in these two.
        const plain = text.replace(/[\ufeff\u0085]/g, '');
        expect(Array.from(tokenizer.encode(plain))).toEqual(library.encodeNative(plain));
      }),
      { numRuns: 100 },
    );
  });

  it('golden: gives the ids of gpt-tokenizer for a chapter', () => {
    const text = loadBuiltIn('moby-dick')![36] ?? '';
    expect(Array.from(tokenizer.encode(text))).toEqual(library.encodeNative(text));
    expect(tokenizer.vocabSize).toBe(ranks.length + 5);
  });
});
