// A tokenizer from a Hugging Face `tokenizer.json`: that of a checkpoint, or any other byte-level BPE.
//
// Files written here, and others whose pre-tokenizer is known, are encoded by our own BPE. The rest (normalizers, other
// patterns) go through @huggingface/tokenizers.

import { UserError } from '../../errors.ts';
import { host } from '../host.ts';
import type { Tokenizer } from '../types.ts';
import { createBpeEncoder } from './bpe-tokenizer.ts';
import { type ByteLevelOptions, createByteLevelTokenizer } from './byte-level-tokenizer.ts';
import { type HuggingFaceBpe, readHuggingFaceBpe } from './hugging-face-json.ts';
import { addedToken, specialRoles, specialTokens, type SpecialTokenIds } from './special-tokens.ts';

/** Other models' names of the beginning and end of a document, for files without DeepSeek's. */
const otherNames: Partial<Record<keyof SpecialTokenIds, readonly string[]>> = {
  bos: ['<|begin_of_text|>', '<s>'],
  eos: ['<|end_of_text|>', '<|endoftext|>', '</s>'],
};

/**
 * A tokenizer from the parsed contents of a `tokenizer.json`; the ids are those of the file.
 *
 * Special tokens that the file lacks are added after its last id. Added tokens are never made from text, whatever they
 * look like. If the file normalises text, what is decoded is the normalised text.
 *
 * @throws UserError for anything but byte-level BPE.
 */
export function tokenizerFromHuggingFace(json: unknown, name = 'tokenizer.json'): Tokenizer {
  const bpe = readHuggingFaceBpe(json, name);
  const specials = findSpecialTokens(bpe);
  const numIds = Math.max(bpe.tokenBytes.length, ...Object.values<number>({ ...specials }).map((id) => id + 1));
  const tokenBytes = Array.from({ length: numIds }, (_, id) => bpe.tokenBytes[id] ?? null);
  const { splits, merges } = bpe;
  return createByteLevelTokenizer({
    name,
    tokenBytes,
    specials,
    ...(splits === undefined
      ? wrapHuggingFace(json, name, numIds)
      : { encode: createBpeEncoder({ tokenBytes, merges, splits }) }),
    toHuggingFace: () => withSpecialTokens(json, bpe, specials),
  });
}

function findSpecialTokens(bpe: HuggingFaceBpe): SpecialTokenIds {
  const ids = new Map(bpe.addedTokens.map((token) => [token.content, token.id]));
  let next = bpe.tokenBytes.length;
  const find = (role: keyof SpecialTokenIds): number => {
    const name = [specialTokens[role], ...(otherNames[role] ?? [])].find((candidate) => ids.has(candidate));
    return name === undefined ? next++ : ids.get(name)!;
  };
  return {
    bos: find('bos'),
    eos: find('eos'),
    fimBegin: find('fimBegin'),
    fimHole: find('fimHole'),
    fimEnd: find('fimEnd'),
  };
}

function withSpecialTokens(json: unknown, bpe: HuggingFaceBpe, specials: SpecialTokenIds): Record<string, unknown> {
  const file: Record<string, unknown> = { ...asObject(json) };
  const known = Array.isArray(file.added_tokens) ? file.added_tokens : [];
  const missing = specialRoles.filter((role) => specials[role] >= bpe.tokenBytes.length);
  return {
    ...file,
    added_tokens: [...known, ...missing.map((role) => addedToken(specials[role], specialTokens[role]))],
  };
}

function asObject(json: unknown): object {
  return typeof json === 'object' && json !== null ? json : {};
}

/** Encodes with Hugging Face's library; checks what it gives. */
function wrapHuggingFace(
  json: unknown,
  name: string,
  numIds: number,
): Pick<ByteLevelOptions, 'encode' | 'encodeAside'> {
  const refuse = (cause: unknown): never => {
    if (cause instanceof UserError) throw cause;
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new UserError(`tokenizer: ${name} cannot be used: ${message}; try another tokenizer.json`, { cause });
  };
  const check = (ids: unknown): number[] => {
    if (!Array.isArray(ids)) return refuse('it gave no token ids');
    const bad = ids.find((id) => !(Number.isInteger(id) && id >= 0 && id < numIds));
    return bad === undefined ? ids : refuse(`it gave the token id ${bad}`);
  };
  const attempt = <T>(action: () => T): T => {
    try {
      return action();
    } catch (cause) {
      return refuse(cause);
    }
  };
  const encoder = attempt(() => host().foreignEncoder(asObject(json), name));
  const encode = (text: string) => check(attempt(() => encoder.encode(text)));
  encode(''); // whether it can be used at all
  const encodeAside = async (text: string, signal?: AbortSignal) => {
    const ids = encoder.encodeAside(text, signal);
    return check(await ids.catch((cause) => (signal?.aborted === true ? Promise.reject(cause) : refuse(cause))));
  };
  return { encode, encodeAside };
}
