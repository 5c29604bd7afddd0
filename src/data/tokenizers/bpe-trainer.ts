// Trains byte-level BPE: again and again the most frequent pair of neighbours becomes a token.
//
// It works on distinct words with their counts. Pair counts are kept up to date word by word, and a heap with stale
// entries finds the next pair, so the cost is about that of the words that change.

import { UserError } from '../../errors.ts';
import { type OnProgress, startStage } from '../progress.ts';
import type { Merge } from './bpe-merges.ts';
import { type BpeModel, bytesToIds } from './bpe-tokenizer.ts';
import { byteOrder } from './byte-alphabet.ts';
import { ownCopy } from './own-copy.ts';
import { createPairHeap } from './pair-heap.ts';
import { specialRoles } from './special-tokens.ts';
import { createSplitter } from './split-patterns.ts';

const maxVocabSize = 65536;
const minVocabSize = 256 + specialRoles.length;
const minCount = 2;

/** The texts of documents, in pieces: see `pieces.ts`. */
export type TextPieces = Iterable<string> | AsyncIterable<string>;

interface Word {
  ids: number[];
  readonly count: number;
}

/**
 * A vocabulary whose tokenizer has exactly `vocabSize` ids, the 256 bytes and 5 special tokens included.
 *
 * Deterministic: of pairs that are equally frequent the one with the smaller left id wins, then the smaller right id
 * (as in Hugging Face's trainer). A pair must occur twice to become a token; throws a UserError if the text has too
 * few.
 */
export async function trainBpe(
  texts: TextPieces,
  vocabSize: number,
  splits: readonly string[],
  onProgress?: OnProgress,
): Promise<BpeModel> {
  checkVocabSize(vocabSize);
  const numTokens = vocabSize - specialRoles.length;
  const words = await countWords(texts, splits, startStage('reading', null, onProgress));
  const onMerge = startStage('training the tokenizer', numTokens - byteOrder.length, onProgress);
  const pairs = createPairIndex(words);
  const tokenBytes = byteOrder.map((byte) => Uint8Array.of(byte));
  const merges: Merge[] = [];
  while (tokenBytes.length < numTokens) {
    const pair = pairs.takeMostFrequent();
    if (pair === undefined) throw tooLittleText(vocabSize, tokenBytes.length + specialRoles.length);
    const [left, right] = pair;
    pairs.merge(left, right, tokenBytes.length);
    merges.push([left, right, tokenBytes.length]);
    tokenBytes.push(Uint8Array.of(...tokenBytes[left]!, ...tokenBytes[right]!));
    await onMerge(1);
  }
  return { tokenBytes, merges, splits };
}

function checkVocabSize(vocabSize: number): void {
  if (vocabSize >= minVocabSize && vocabSize <= maxVocabSize) return;
  throw new UserError(
    `tokenizer: bpe:${vocabSize} must have between ${minVocabSize} (256 bytes and ${specialRoles.length} special tokens) ` +
      `and ${maxVocabSize} ids; try bpe:1024`,
  );
}

function tooLittleText(vocabSize: number, possible: number): UserError {
  return new UserError(
    `tokenizer: the training text has too few repeated pairs for ${vocabSize} tokens, it gives ${possible}; ` +
      `use bpe:${possible} or less, or more text`,
  );
}

async function countWords(
  texts: TextPieces,
  splits: readonly string[],
  onPiece: (characters: number) => Promise<void>,
): Promise<Word[]> {
  const split = createSplitter(splits);
  const counts = new Map<string, number>();
  for await (const text of texts) {
    // A lone surrogate has no UTF-8 form; see `byte-level-tokenizer.ts`.
    for (const word of split(text.replace(/\p{Cs}/gu, '\uFFFD'))) {
      const count = counts.get(word);
      counts.set(count === undefined ? ownCopy(word) : word, (count ?? 0) + 1);
    }
    await onPiece(text.length);
  }
  const byteIds = new Int32Array(256);
  byteOrder.forEach((byte, id) => {
    byteIds[byte] = id;
  });
  const utf8 = new TextEncoder();
  return Array.from(counts, ([word, count]) => ({ ids: bytesToIds(utf8.encode(word), byteIds), count }));
}

interface PairIndex {
  takeMostFrequent(): readonly [left: number, right: number] | undefined;
  merge(left: number, right: number, merged: number): void;
}

/** Which pairs there are, how often, and in which words. A pair is one number: left * maxVocabSize + right. */
function createPairIndex(words: readonly Word[]): PairIndex {
  const counts = new Map<number, number>();
  const places = new Map<number, Set<number>>();
  const heap = createPairHeap();
  const offer = (pair: number): void => heap.push(-counts.get(pair)!, pair);

  const addWord = (index: number, sign: 1 | -1): number[] => {
    const { ids, count } = words[index]!;
    const pairs = pairsOf(ids);
    for (const pair of pairs) {
      counts.set(pair, (counts.get(pair) ?? 0) + sign * count);
      if (sign > 0) places.set(pair, (places.get(pair) ?? new Set()).add(index));
    }
    return pairs;
  };

  for (let index = 0; index < words.length; index++) addWord(index, 1);
  for (const pair of counts.keys()) offer(pair);

  return {
    takeMostFrequent() {
      for (let top = heap.pop(); top !== undefined; top = heap.pop()) {
        const [negativeCount, pair] = top;
        const count = counts.get(pair)!;
        if (count < minCount) continue;
        if (count === -negativeCount) return [Math.floor(pair / maxVocabSize), pair % maxVocabSize];
        offer(pair);
      }
      return undefined;
    },
    merge(left, right, merged) {
      // Only pairs with the new token have become more frequent; the others' heap entries are stale at worst.
      const changed = new Set<number>();
      for (const index of places.get(left * maxVocabSize + right) ?? []) {
        const word = words[index]!;
        const ids = mergePair(word.ids, left, right, merged);
        if (ids.length === word.ids.length) continue;
        addWord(index, -1);
        word.ids = ids;
        for (const pair of addWord(index, 1)) changed.add(pair);
      }
      places.delete(left * maxVocabSize + right);
      for (const pair of changed) if (contains(pair, merged)) offer(pair);
    },
  };
}

function contains(pair: number, id: number): boolean {
  return Math.floor(pair / maxVocabSize) === id || pair % maxVocabSize === id;
}

function pairsOf(ids: readonly number[]): number[] {
  return ids.slice(1).map((right, i) => ids[i]! * maxVocabSize + right);
}

/** Replaces the pair wherever it stands, from the left: of `a a a`, the first two. */
function mergePair(ids: readonly number[], left: number, right: number, merged: number): number[] {
  const result: number[] = [];
  for (let i = 0; i < ids.length; i++) {
    const matches = ids[i] === left && ids[i + 1] === right;
    result.push(matches ? merged : ids[i]!);
    if (matches) i++;
  }
  return result;
}
