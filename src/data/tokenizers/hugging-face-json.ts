// Reads the parts of a Hugging Face `tokenizer.json` that matter here, and refuses what is not byte-level BPE.

import * as z from 'zod';
import { UserError } from '../../errors.ts';
import { maxTokenId, type Merge } from './bpe-merges.ts';
import { singleByteIds } from './bpe-tokenizer.ts';
import { lettersToBytes } from './byte-alphabet.ts';
import { gpt2Splits, knownPatterns } from './split-patterns.ts';

const tokenId = z
  .int()
  .min(0)
  .max(maxTokenId - 1);
const typed = z.looseObject({ type: z.string() });

const tokenizerSchema = z.looseObject({
  added_tokens: z.array(z.looseObject({ id: tokenId, content: z.string() })).nullish(),
  normalizer: z.unknown().optional(),
  pre_tokenizer: z.unknown().optional(),
  decoder: typed.nullish(),
  model: z.looseObject({
    type: z.string().optional(),
    // Not z.record: a record would lose a token named `__proto__`.
    vocab: z.custom<object>((value) => typeof value === 'object' && value !== null),
    merges: z.array(z.union([z.string(), z.tuple([z.string(), z.string()])])).nullish(),
    continuing_subword_prefix: z.string().nullish(),
    end_of_word_suffix: z.string().nullish(),
    byte_fallback: z.boolean().nullish(),
    unk_token: z.string().nullish(),
    ignore_merges: z.boolean().nullish(),
  }),
});

export interface HuggingFaceBpe {
  /** Bytes of the model's tokens by id; null for added tokens and for ids without a token. */
  readonly tokenBytes: (Uint8Array | null)[];
  readonly merges: readonly Merge[];
  /** Split patterns, or undefined if something in the file needs Hugging Face's own library to encode alike. */
  readonly splits: readonly string[] | undefined;
  /** Whether bytes are missing and the file says that a text with them is an error: see `chars.ts`. */
  readonly isRestricted: boolean;
  readonly addedTokens: readonly { readonly id: number; readonly content: string }[];
}

/**
 * Checks a parsed `tokenizer.json`; `name` is how errors call it.
 *
 * @throws UserError for anything but byte-level BPE.
 */
export function readHuggingFaceBpe(json: unknown, name: string): HuggingFaceBpe {
  const parsed = tokenizerSchema.safeParse(json);
  if (!parsed.success) throw malformed(name, parsed.error.issues[0]);
  const { model, decoder, added_tokens: added } = parsed.data;
  if (model.type !== undefined && model.type !== 'BPE') throw notByteLevel(name, `its model is ${model.type}`);
  if (!isByteLevelDecoder(decoder)) throw notByteLevel(name, `its decoder is ${decoder?.type ?? 'missing'}`);
  const addedTokens = (added ?? []).map(({ id, content }) => ({ id, content }));
  const ids = readVocab(model.vocab, name);
  const tokenBytes = readTokenBytes(ids, addedTokens, name);
  const missing = singleByteIds(tokenBytes).findIndex((id, byte) => id < 0 && occursInUtf8(byte));
  const merges = readMerges(model.merges ?? [], ids, name);
  const isPlain = !(
    model.continuing_subword_prefix ||
    model.end_of_word_suffix ||
    model.byte_fallback ||
    model.ignore_merges
  );
  const splits = isPlain && isNoNormalizer(parsed.data.normalizer) ? readSplits(parsed.data.pre_tokenizer) : undefined;
  const isRefused = typeof model.unk_token === 'string' && !ids.has(model.unk_token);
  const isRestricted = missing >= 0 && isRefused && splits?.length === 0;
  if (missing >= 0 && !isRestricted) throw notByteLevel(name, `it has no token for byte ${missing}`);
  return { tokenBytes, merges, splits, isRestricted, addedTokens };
}

function malformed(name: string, issue: z.core.$ZodIssue | undefined): UserError {
  const where = issue === undefined || issue.path.length === 0 ? 'the top level' : issue.path.join('.');
  const what = issue?.message ?? 'invalid';
  return new UserError(
    `tokenizer: ${name} is not a Hugging Face tokenizer.json: ${where}: ${what}; copy the file again`,
  );
}

function notByteLevel(name: string, reason: string): UserError {
  return new UserError(
    `tokenizer: ${name} is not byte-level BPE (${reason}), so its tokens are not exact bytes; use a byte-level ` +
      'tokenizer.json (GPT-2, Llama 3, Qwen, DeepSeek) or one trained here, such as bpe:4096',
  );
}

function isByteLevelDecoder(decoder: unknown): boolean {
  const sequence = z.object({ decoders: z.array(typed) }).safeParse(decoder);
  if (sequence.success) return sequence.data.decoders.some((part) => part.type === 'ByteLevel');
  return typed.safeParse(decoder).data?.type === 'ByteLevel';
}

function readVocab(vocab: object, name: string): Map<string, number> {
  const ids = new Map<string, number>();
  const seen = new Set<number>();
  for (const [token, id] of Object.entries<unknown>({ ...vocab })) {
    const { data } = tokenId.safeParse(id);
    if (data === undefined || seen.has(data)) {
      const problem = data === undefined ? `must be 0 to ${maxTokenId - 1}` : 'is used twice';
      throw new UserError(
        `tokenizer: ${name}: the id of token ${JSON.stringify(token)} ${problem}, found ${JSON.stringify(id)}; copy the file again`,
      );
    }
    seen.add(data);
    ids.set(token, data);
  }
  return ids;
}

function readTokenBytes(
  ids: ReadonlyMap<string, number>,
  addedTokens: HuggingFaceBpe['addedTokens'],
  name: string,
): (Uint8Array | null)[] {
  const added = new Set(addedTokens.map((token) => token.content));
  const allIds = [...ids.values(), ...addedTokens.map((token) => token.id)];
  const tokenBytes: (Uint8Array | null)[] = new Array(allIds.reduce((most, id) => Math.max(most, id + 1), 0)).fill(
    null,
  );
  for (const [token, id] of ids) {
    if (added.has(token)) continue;
    const bytes = lettersToBytes(token);
    if (bytes === undefined)
      throw notByteLevel(name, `its token ${JSON.stringify(token)} is not written in the byte alphabet`);
    tokenBytes[id] = bytes;
  }
  return tokenBytes;
}

function occursInUtf8(byte: number): boolean {
  return byte < 0xc0 || (byte > 0xc1 && byte < 0xf5);
}

function readMerges(
  merges: readonly (string | readonly [string, string])[],
  ids: ReadonlyMap<string, number>,
  name: string,
): Merge[] {
  return merges.map((entry, i) => {
    const [left, right, ...rest] = typeof entry === 'string' ? entry.split(' ') : entry;
    const merge = [left, right, `${left}${right}`].map((token) => ids.get(token ?? ''));
    const [leftId, rightId, mergedId] = merge;
    if (rest.length > 0 || leftId === undefined || rightId === undefined || mergedId === undefined) {
      throw new UserError(
        `tokenizer: ${name}: merge ${i} (${JSON.stringify(entry)}) is not of two tokens of the vocabulary; copy the file again`,
      );
    }
    return [leftId, rightId, mergedId];
  });
}

function isNoNormalizer(normalizer: unknown): boolean {
  const empty = z.object({ type: z.literal('Sequence'), normalizers: z.tuple([]) });
  return normalizer === null || normalizer === undefined || empty.safeParse(normalizer).success;
}

const splitSchema = z.object({
  type: z.literal('Split'),
  pattern: z.object({ Regex: z.string().refine((pattern) => knownPatterns.has(pattern)) }),
  behavior: z.literal('Isolated'),
  invert: z.literal(false).optional(),
});
const byteLevelSchema = z.object({
  type: z.literal('ByteLevel'),
  add_prefix_space: z.literal(false),
  use_regex: z.boolean().default(true),
});
const sequenceSchema = z.object({ type: z.literal('Sequence'), pretokenizers: z.array(z.unknown()) });

/** The patterns of `[Split(known pattern, isolated)..., ByteLevel]`, or undefined for any other pre-tokenizer. */
function readSplits(preTokenizer: unknown): readonly string[] | undefined {
  const sequence = sequenceSchema.safeParse(preTokenizer);
  const parts = sequence.success ? sequence.data.pretokenizers : [preTokenizer];
  const byteLevel = byteLevelSchema.safeParse(parts.at(-1));
  const splits = parts.slice(0, -1).map((part) => splitSchema.safeParse(part));
  if (!byteLevel.success || !splits.every((split) => split.success)) return undefined;
  const patterns = splits.map((split) => split.data.pattern.Regex);
  return byteLevel.data.use_regex ? [...patterns, ...gpt2Splits] : patterns;
}
