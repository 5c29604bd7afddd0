// OpenAI's encodings from the package gpt-tokenizer: whole, or cut to the first N ranks, which is a valid BPE too and
// gives a small vocabulary without any training.
//
// The package has ranks of tokens, `tokenizer.json` wants merges of pairs. A token's merge is the pair that its bytes
// become under the merges of lower rank.

import { UserError } from '../../errors.ts';
import type { CompleteTokenizer } from '../types.ts';
import { applyMerges, createMergeTable, type Merge } from './bpe-merges.ts';
import { type BpeModel, bytesToIds, createBpeTokenizer, singleByteIds } from './bpe-tokenizer.ts';
import { cl100kSplits, gpt2Splits, o200kSplits } from './split-patterns.ts';

/** A token as the package has it: text, or bytes where they are not UTF-8. */
type RankedToken = string | readonly number[];

interface Encoding {
  readonly splits: readonly string[];
  readonly load: () => Promise<{ readonly default: readonly RankedToken[] }>;
}

const encodings: Readonly<Record<string, Encoding>> = {
  r50k_base: { splits: gpt2Splits, load: () => import('gpt-tokenizer/bpeRanks/r50k_base') },
  cl100k_base: { splits: cl100kSplits, load: () => import('gpt-tokenizer/bpeRanks/cl100k_base') },
  o200k_base: { splits: o200kSplits, load: () => import('gpt-tokenizer/bpeRanks/o200k_base') },
};

export const gptEncodingNames: readonly string[] = Object.keys(encodings);

/**
 * `r50k_base`, `cl100k_base` or `o200k_base`, with the first `numRanks` tokens or all of them.
 *
 * The special tokens are DeepSeek's five, after the ranks: `vocabSize` is `numRanks + 5`; OpenAI's own special tokens
 * are left out.
 */
export async function createGptTokenizer(encoding: string, numRanks?: number): Promise<CompleteTokenizer> {
  const { splits, load } = encodings[encoding]!;
  const ranked = (await load()).default;
  if (numRanks !== undefined && (numRanks < 256 || numRanks > ranked.length)) {
    throw new UserError(
      `tokenizer: ${encoding}:${numRanks} must have between 256 and ${ranked.length} ranks; try ${encoding}:1024`,
    );
  }
  const utf8 = new TextEncoder();
  const tokenBytes = ranked.slice(0, numRanks).map((token) => {
    return typeof token === 'string' ? utf8.encode(token) : Uint8Array.from(token);
  });
  const name = numRanks === undefined ? encoding : `${encoding}:${numRanks}`;
  return createBpeTokenizer(name, { tokenBytes, merges: mergesOfRanks(tokenBytes), splits });
}

function mergesOfRanks(tokenBytes: BpeModel['tokenBytes']): Merge[] {
  const table = createMergeTable();
  const byteIds = singleByteIds(tokenBytes);
  const merges: Merge[] = [];
  tokenBytes.forEach((bytes, id) => {
    const parts = applyMerges(bytesToIds(bytes!, byteIds), table);
    if (parts.length !== 2) return;
    const merge: Merge = [parts[0]!, parts[1]!, id];
    merges.push(merge);
    table.add(merge);
  });
  return merges;
}
