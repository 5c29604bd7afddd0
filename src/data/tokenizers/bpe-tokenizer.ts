// A byte-level BPE tokenizer from its vocabulary, merges and split patterns; and the same as a `tokenizer.json`.

import { UserError } from '../../errors.ts';
import type { CompleteTokenizer } from '../types.ts';
import { applyMerges, createMergeTable, type Merge } from './bpe-merges.ts';
import { bytesToLetters } from './byte-alphabet.ts';
import { createByteLevelTokenizer, isComplete } from './byte-level-tokenizer.ts';
import { ownCopy } from './own-copy.ts';
import { addedToken, specialRoles, specialTokens, type SpecialTokenIds, specialTokensFrom } from './special-tokens.ts';
import { createSplitter } from './split-patterns.ts';

/** The ordinary tokens, and how text is split and merged into them. */
export interface BpeModel {
  /** Bytes of each ordinary token, by id; the tokens of single bytes are among them. */
  readonly tokenBytes: readonly (Uint8Array | null)[];
  /** Merges in order of priority, the first one first. */
  readonly merges: readonly Merge[];
  /** Patterns of `split-patterns.ts`. */
  readonly splits: readonly string[];
  /** Whether bytes may be missing; text that has them is an error then. Absent: every byte has a token. */
  readonly isRestricted?: boolean;
}

/** The unknown token of a restricted vocabulary: no token has that name, so Hugging Face's library refuses as well. */
const noUnknownToken = '<unknown>';

/** A tokenizer whose special tokens follow the ordinary ones: `vocabSize` is 5 more than `model.tokenBytes.length`. */
export function createBpeTokenizer(name: string, model: BpeModel): CompleteTokenizer {
  const specials = specialTokensFrom(model.tokenBytes.length);
  const tokenizer = createByteLevelTokenizer({
    name,
    tokenBytes: [...model.tokenBytes, ...specialRoles.map(() => null)],
    specials,
    endTokenIds: [specials.eos],
    encode: createBpeEncoder(model),
    toHuggingFace: () => toHuggingFace(model, specials),
  });
  if (!isComplete(tokenizer)) throw new Error('internal: a special token is missing');
  return tokenizer;
}

// Words are few and repeated: what they encode to is remembered, up to a bound on memory.
const maxCachedWords = 100_000;
const maxCachedLength = 64;

/** A function from text (without lone surrogates) to ids. */
export function createBpeEncoder(model: BpeModel): (text: string) => ArrayLike<number> {
  const table = createMergeTable(model.merges);
  const split = createSplitter(model.splits);
  const byteIds = singleByteIds(model.tokenBytes);
  const utf8 = new TextEncoder();
  if (model.isRestricted) return createRestrictedEncoder(model, byteIds);
  if (model.merges.length === 0 && model.splits.length === 0) {
    return (text) => Int32Array.from(utf8.encode(text)).map((byte) => byteIds[byte]!);
  }
  const cache = new Map<string, readonly number[]>();

  const encodeWord = (word: string): readonly number[] => {
    const ids = bytesToIds(utf8.encode(word), byteIds);
    return model.merges.length === 0 ? ids : applyMerges(ids, table);
  };
  const encodeCached = (word: string): readonly number[] => {
    const known = cache.get(word);
    if (known !== undefined) return known;
    const ids = encodeWord(word);
    if (cache.size < maxCachedWords && word.length <= maxCachedLength) cache.set(ownCopy(word), ids);
    return ids;
  };
  return (text) => {
    const ids: number[] = [];
    for (const word of split(text)) {
      const own = encodeCached(word);
      for (let i = 0; i < own.length; i++) ids.push(own[i]!);
    }
    return ids;
  };
}

/** The same for a vocabulary that lacks bytes: character by character, so that it can say which one is unknown. */
function createRestrictedEncoder(
  { merges, tokenBytes }: BpeModel,
  byteIds: Int32Array,
): (text: string) => ArrayLike<number> {
  const table = createMergeTable(merges);
  const utf8 = new TextEncoder();
  const known = new Map<string, readonly number[]>();
  const encodeCharacter = (character: string): readonly number[] => {
    const single = bytesToIds(utf8.encode(character), byteIds);
    if (single.includes(-1)) throw unknownCharacter(character, tokenBytes);
    const ids = applyMerges(single, table);
    known.set(character, ids);
    return ids;
  };
  return (text) => {
    const ids: number[] = [];
    for (const character of text) ids.push(...(known.get(character) ?? encodeCharacter(character)));
    return ids;
  };
}

function unknownCharacter(character: string, tokenBytes: BpeModel['tokenBytes']): UserError {
  const utf8 = new TextDecoder('utf-8', { fatal: false });
  const characters = tokenBytes.flatMap((bytes) => (bytes === null ? [] : [utf8.decode(bytes)]));
  const shown = characters.filter((known) => !known.includes('\uFFFD')).join('');
  const listed = Array.from(shown).length <= 100 ? shown : `${Array.from(shown).slice(0, 100).join('')}...`;
  return new UserError(
    `tokenizer: there is no token for ${JSON.stringify(character)}; this vocabulary has only the characters ` +
      `${JSON.stringify(listed)}; leave the others out, or use a model with the tokenizer bytes`,
  );
}

/** The bytes' own ids. A loop, since `Array.from` with a function is several times slower on typed arrays. */
export function bytesToIds(bytes: Uint8Array, byteIds: ArrayLike<number>): number[] {
  const ids: number[] = [];
  for (let i = 0; i < bytes.length; i++) ids.push(byteIds[bytes[i]!]!);
  return ids;
}

/** Id of the token of each byte; -1 where there is none. */
export function singleByteIds(tokenBytes: readonly (Uint8Array | null)[]): Int32Array {
  const ids = new Int32Array(256).fill(-1);
  tokenBytes.forEach((bytes, id) => {
    if (bytes?.length === 1) ids[bytes[0]!] = id;
  });
  return ids;
}

function toHuggingFace(model: BpeModel, specials: SpecialTokenIds): Record<string, unknown> {
  const letters = model.tokenBytes.map((bytes) => bytesToLetters(bytes!));
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: specialRoles.map((role) => addedToken(specials[role], specialTokens[role])),
    normalizer: null,
    pre_tokenizer: preTokenizer(model.splits),
    post_processor: null,
    decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: model.isRestricted ? noUnknownToken : null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      // Object.fromEntries and not assignment: `__proto__` is a likely token of JavaScript source.
      vocab: Object.fromEntries(letters.map((token, id) => [token, id])),
      merges: model.merges.map(([left, right]) => [letters[left], letters[right]]),
    },
  };
}

function preTokenizer(splits: readonly string[]): Record<string, unknown> {
  const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false };
  if (splits.length === 0) return byteLevel;
  const pretokenizers = splits.map((pattern) => {
    return { type: 'Split', pattern: { Regex: pattern }, behavior: 'Isolated', invert: false };
  });
  return { type: 'Sequence', pretokenizers: [...pretokenizers, byteLevel] };
}
