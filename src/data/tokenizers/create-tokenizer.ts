// From a `--tokenizer` specification to a tokenizer.

import { closest } from 'fastest-levenshtein';
import { UserError } from '../../errors.ts';
import { host } from '../host.ts';
import type { OnProgress } from '../progress.ts';
import type { CompleteTokenizer } from '../types.ts';
import { createBpeTokenizer } from './bpe-tokenizer.ts';
import { type TextPieces, trainBpe } from './bpe-trainer.ts';
import { createBytesTokenizer } from './bytes.ts';
import { createCharsTokenizer } from './chars.ts';
import { givenMark } from './given.ts';
import { createGptTokenizer, gptEncodingNames } from './gpt-encodings.ts';
import { completeTokenizer } from './hugging-face-tokenizer.ts';
import { deepseekSplits, gpt2Splits } from './split-patterns.ts';

/** Split patterns of the tokenizers that are trained here. */
const trained: Readonly<Record<string, readonly string[]>> = { bpe: gpt2Splits, 'bpe-deepseek': deepseekSplits };

const names: readonly string[] = ['bytes', 'chars', ...Object.keys(trained), ...gptEncodingNames];

/**
 * The tokenizer of a specification. `trainingTexts` is asked only by the kinds that are trained.
 *
 * - `bytes`: 256 bytes and 5 special tokens.
 * - `chars`: one token for each character that occurs in the texts, and 5 special tokens; other characters are errors.
 * - `bpe:N`, `bpe-deepseek:N`: byte-level BPE trained on the texts, split as GPT-2 or as DeepSeek-V3; `vocabSize` is
 *   exactly N, special tokens included.
 * - `r50k_base`, `cl100k_base`, `o200k_base`: OpenAI's, and `r50k_base:N` its first N ranks; 5 special tokens come on
 *   top.
 * - `file:PATH`, or a path that ends in `.json`: a Hugging Face `tokenizer.json` (byte-level BPE). Special tokens that
 *   it lacks are added after its last id.
 *
 * @throws UserError for an unknown specification (with the nearest name), an impossible size or an unusable file.
 */
export async function createTokenizer(
  spec: string,
  trainingTexts: () => TextPieces,
  onProgress?: OnProgress,
): Promise<CompleteTokenizer> {
  if (spec.endsWith(givenMark)) {
    throw new UserError(
      `tokenizer: ${spec.slice(0, -givenMark.length)} was given by the program that started the run; give the same one again`,
    );
  }
  if (spec.startsWith('file:')) return readTokenizerFile(spec.slice('file:'.length), spec);
  if (spec.endsWith('.json')) return readTokenizerFile(spec, spec);
  const [name = '', size, ...rest] = spec.split(':');
  const splits = trained[name];
  if (!names.includes(name) || rest.length > 0) throw unknownTokenizer(spec, name);
  const count = size === undefined ? undefined : parseSize(spec, size);
  if (name === 'bytes' && count === undefined) return createBytesTokenizer();
  if (name === 'chars' && count === undefined) return createCharsTokenizer(trainingTexts());
  if (gptEncodingNames.includes(name)) return createGptTokenizer(name, count);
  if (splits === undefined) throw new UserError(`tokenizer: "${spec}": ${name} takes no size; write ${name}`);
  if (count === undefined) throw new UserError(`tokenizer: "${spec}" needs a vocabulary size; try ${name}:1024`);
  return createBpeTokenizer(spec, await trainBpe(trainingTexts(), count, splits, onProgress));
}

function parseSize(spec: string, size: string): number {
  if (/^\d{1,9}$/.test(size)) return Number(size);
  throw new UserError(`tokenizer: "${spec}": expected a whole number after the colon, found "${size}"; try 1024`);
}

function unknownTokenizer(spec: string, name: string): UserError {
  const nearest = names.find((known) => known.startsWith(name)) ?? closest(name, names);
  return new UserError(
    `tokenizer: unknown tokenizer "${spec}"; did you mean "${nearest}"? Known are bytes, chars, bpe:1024, ` +
      `bpe-deepseek:1024, ${gptEncodingNames.join(', ')} (also with a size) and file:PATH of a tokenizer.json`,
  );
}

async function readTokenizerFile(path: string, name: string): Promise<CompleteTokenizer> {
  return completeTokenizer(parseJson(await readText(path), path), name);
}

async function readText(path: string): Promise<string> {
  try {
    return await host().readText(path);
  } catch (cause) {
    throw new UserError(`tokenizer: cannot read ${path}; expected the path of a tokenizer.json`, { cause });
  }
}

function parseJson(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new UserError(`tokenizer: ${path} is not JSON (${String(cause)}); copy the file again`, { cause });
  }
}
