import { Tokenizer as JsTokenizer } from '@huggingface/tokenizers';
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { createTokenizer } from '../../src/data/tokenizers/create-tokenizer.ts';
import { completeTokenizer, tokenizerFromHuggingFace } from '../../src/data/tokenizers/hugging-face-tokenizer.ts';
import { UserError } from '../../src/errors.ts';
import { fuzzRuns } from '../fuzz-runs.ts';
import { hardText } from './text-arbitraries.ts';

const whaleText = 'It was the whale, the white whale; and the sea was white with the whale.\n'.repeat(7);
const ours = (await createTokenizer('bpe:283', () => [whaleText])).toHuggingFace();
const copy = () => JSON.parse(JSON.stringify(ours));
const added = (id: number, content: string) => ({ id, content, special: true, single_word: false, normalized: false });

describe('tokenizerFromHuggingFace', () => {
  const partial = () => ({ ...copy(), added_tokens: [added(278, '<|begin_of_text|>'), added(279, '<|end_of_text|>')] });

  it("takes other models' names for beginning and end, and makes no token up", () => {
    const tokenizer = tokenizerFromHuggingFace(partial());
    expect([tokenizer.bosTokenId, tokenizer.eosTokenId, tokenizer.fim]).toEqual([278, 279, null]);
    expect([tokenizer.vocabSize, tokenizer.endTokenIds]).toEqual([280, [279]]);
    expect(tokenizer.toHuggingFace()).toEqual(partial());
    const none = tokenizerFromHuggingFace({ ...copy(), added_tokens: [] });
    expect([none.bosTokenId, none.eosTokenId, none.endTokenIds, none.vocabSize]).toEqual([null, null, [], 278]);
  });

  it('takes the tokens that begin and end texts from whoever knows them', () => {
    const roles = { bosTokenId: null, endTokenIds: [7, 279] };
    const tokenizer = tokenizerFromHuggingFace(partial(), 'x', roles);
    expect([tokenizer.bosTokenId, tokenizer.eosTokenId, tokenizer.endTokenIds]).toEqual([null, 7, [7, 279]]);
  });

  it('gets our special tokens after its last id for a model trained from scratch, where it lacks them', () => {
    const tokenizer = completeTokenizer(partial(), 'my.json');
    expect([tokenizer.bosTokenId, tokenizer.eosTokenId, tokenizer.vocabSize]).toEqual([278, 279, 283]);
    expect(tokenizer.fim).toEqual({ begin: 280, hole: 281, end: 282 });
    expect(tokenizer.completedWith).toEqual(['<｜fim▁begin｜>', '<｜fim▁hole｜>', '<｜fim▁end｜>']);
    const again = tokenizerFromHuggingFace(tokenizer.toHuggingFace());
    expect([again.toHuggingFace(), again.fim]).toEqual([tokenizer.toHuggingFace(), tokenizer.fim]);
    expect(completeTokenizer(ours, 'ours.json').completedWith).toBeUndefined();
  });

  it('treats the text of an added token as ordinary text, and decodes the token to nothing', () => {
    const json = copy();
    json.added_tokens.push(added(283, 'whale'));
    const tokenizer = tokenizerFromHuggingFace(json);
    expect(tokenizer.decode(tokenizer.encode('the whale'))).toBe('the whale');
    expect(Array.from(tokenizer.encode('the whale'))).not.toContain(283);
    expect(tokenizer.decode([283])).toBe('');
  });

  it('encodes as GPT-2 when the byte-level pre-tokenizer does the splitting', () => {
    const json = copy();
    json.pre_tokenizer = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true };
    json.model.merges = json.model.merges.map((pair: string[]) => pair.join(' ')); // the older way to write them
    expect(tokenizerFromHuggingFace(json).encode(whaleText)).toEqual(tokenizerFromHuggingFace(ours).encode(whaleText));
  });

  it.each([
    [
      'another pattern',
      {
        pre_tokenizer: {
          type: 'Sequence',
          pretokenizers: [
            { type: 'Split', pattern: { Regex: '(?i:wh)|\\w+' }, behavior: 'Isolated', invert: false },
            { type: 'ByteLevel', add_prefix_space: false, use_regex: false },
          ],
        },
      },
    ],
    ['a prefix blank', { pre_tokenizer: { type: 'ByteLevel', add_prefix_space: true, use_regex: true } }],
    ['a normalizer', { normalizer: { type: 'NFC' } }],
  ])('property: encodes a file with %s as the JavaScript library does', (_, change) => {
    const json = { ...copy(), ...change };
    const tokenizer = tokenizerFromHuggingFace(json);
    const library = new JsTokenizer(json, {});
    fc.assert(
      fc.property(hardText, (text) => {
        const plain = text.replaceAll('<｜', '<');
        const ids = tokenizer.encode(plain);
        expect(Array.from(ids)).toEqual(library.encode(plain).ids);
        if ('normalizer' in change) expect(tokenizer.decode(ids)).toBe(plain.normalize('NFC'));
      }),
    );
  });

  it.each([
    [
      'a WordPiece model',
      { model: { ...(ours.model as object), type: 'WordPiece' } },
      /not byte-level BPE \(its model is WordPiece\)/,
    ],
    ['a Metaspace decoder', { decoder: { type: 'Metaspace' } }, /not byte-level BPE \(its decoder is Metaspace\)/],
    ['no decoder', { decoder: null }, /its decoder is missing/],
    [
      'tokens in plain letters',
      { model: { type: 'BPE', vocab: { '▁the': 0 }, merges: [] } },
      /"▁the" is not written in the byte alphabet/,
    ],
    ['bytes without a token', { model: { type: 'BPE', vocab: { a: 0 }, merges: [] } }, /has no token for byte 0/],
    [
      'an id used twice',
      { model: { type: 'BPE', vocab: { a: 0, b: 0 }, merges: [] } },
      /id of token "b" is used twice, found 0/,
    ],
    [
      'an id beyond reason',
      { model: { type: 'BPE', vocab: { a: 1e9 }, merges: [] } },
      /must be 0 to 2097151, found 1000000000/,
    ],
    [
      'a merge of unknown tokens',
      { model: { ...(ours.model as object), merges: [['q', 'qqq']] } },
      /merge 0 \(\["q","qqq"\]\) is not of two tokens/,
    ],
  ])('refuses %s and says so', (_, change, message) => {
    const attempt = () => tokenizerFromHuggingFace({ ...copy(), ...change }, 'my.json');
    expect(attempt).toThrow(UserError);
    expect(attempt).toThrow(message);
    expect(attempt).toThrow(/my\.json/);
  });
});

/** A tokenizer that works, or a UserError: nothing else may come out. */
function expectTokenizerOrUserError(json: unknown): void {
  try {
    const tokenizer = tokenizerFromHuggingFace(json);
    tokenizer.decode(tokenizer.encode(whaleText));
    tokenizer.toHuggingFace();
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
  }
}

describe('the tokenizer.json parser under attack', () => {
  vi.spyOn(console, 'warn').mockImplementation(() => {}); // the library's remarks on what is broken

  it('property: any JSON gives a UserError', () => {
    fc.assert(fc.property(fc.jsonValue(), expectTokenizerOrUserError), { numRuns: fuzzRuns(250) });
  });

  it('property: a file with any value put anywhere gives a tokenizer or a UserError', () => {
    const value = fc.oneof(fc.jsonValue(), fc.constantFrom(null, -1, 2 ** 53, '', '\\', '(', [], {}, true));
    fc.assert(
      fc.property(fc.array(fc.nat(), { minLength: 1, maxLength: 7 }), value, (path, replacement) => {
        expectTokenizerOrUserError(replaceAt(copy(), path, replacement));
      }),
      { numRuns: fuzzRuns(250) },
    );
  });

  it('property: a file cut off or with a changed byte gives a tokenizer or a UserError', async () => {
    const text = JSON.stringify(ours);
    fc.assert(
      fc.property(fc.nat(text.length - 1), fc.string({ maxLength: 1 }), (position, char) => {
        const mutated = text.slice(0, position) + char + text.slice(position + 1);
        try {
          expectTokenizerOrUserError(JSON.parse(mutated));
        } catch (error) {
          expect(error).toBeInstanceOf(SyntaxError);
        }
      }),
      { numRuns: fuzzRuns(250) },
    );
  });
});

/** Walks down `path` (indices modulo the number of children) and replaces what is there. */
function replaceAt(node: unknown, path: readonly number[], replacement: unknown): unknown {
  const [step, ...rest] = path;
  if (step === undefined || typeof node !== 'object' || node === null) return replacement;
  const entries = Object.entries(node);
  const chosen = entries[step % Math.max(entries.length, 1)];
  if (chosen === undefined) return replacement;
  const changed = replaceAt(chosen[1], rest, replacement);
  if (Array.isArray(node)) return node.map((child, i) => (String(i) === chosen[0] ? changed : child));
  return { ...node, [chosen[0]]: changed };
}
