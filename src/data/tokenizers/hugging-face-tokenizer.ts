// A tokenizer from a Hugging Face `tokenizer.json`: that of a checkpoint, or any other byte-level BPE.
//
// Files written here, and others whose pre-tokenizer is known, are encoded by our own BPE. The rest (normalizers, other
// patterns) go through @huggingface/tokenizers.

import { UserError } from '../../errors.ts';
import { host } from '../host.ts';
import type { CompleteTokenizer, Tokenizer } from '../types.ts';
import { addedTokens } from './added-tokens.ts';
import { createBpeEncoder } from './bpe-tokenizer.ts';
import { type ByteLevelOptions, createByteLevelTokenizer, isComplete } from './byte-level-tokenizer.ts';
import { type HuggingFaceBpe, readHuggingFaceBpe } from './hugging-face-json.ts';
import { addedToken, type FoundTokenIds, specialRoles, specialTokens, type SpecialTokenIds } from './special-tokens.ts';

/** Other models' names of the beginning and end of a document, for files without DeepSeek's. */
const otherNames: Partial<Record<keyof SpecialTokenIds, readonly string[]>> = {
  bos: ['<|begin_of_text|>', '<s>'],
  eos: ['<|end_of_text|>', '<|endoftext|>', '</s>'],
};

/** Which tokens begin a text and end what is generated, where something else than their names says so. */
export interface TokenRoles {
  readonly bosTokenId: number | null;
  /** The first of them ends a document. */
  readonly endTokenIds: readonly number[];
}

/**
 * A tokenizer from the parsed contents of a `tokenizer.json`; the ids are those of the file.
 *
 * The tokens that begin and end texts are those that `roles` names, or are found by their names in other models; no
 * token is made up. Added tokens are never made from text, whatever they look like. If the file normalises text, what
 * is decoded is the normalised text.
 *
 * @throws UserError for anything but byte-level BPE.
 */
export function tokenizerFromHuggingFace(json: unknown, name = 'tokenizer.json', roles?: TokenRoles): Tokenizer {
  const bpe = readHuggingFaceBpe(json, name);
  const specials = findSpecialTokens(bpe, roles);
  const { splits, merges, tokenBytes, isRestricted } = bpe;
  return createByteLevelTokenizer({
    name,
    tokenBytes,
    specials,
    endTokenIds: roles?.endTokenIds ?? (specials.eos === null ? [] : [specials.eos]),
    ...(splits === undefined
      ? wrapHuggingFace(json, name, tokenBytes.length)
      : { encode: createBpeEncoder({ tokenBytes, merges, splits, isRestricted }) }),
    toHuggingFace: () => ({ ...asObject(json), added_tokens: addedTokensOf(json) }),
  });
}

function findSpecialTokens(bpe: HuggingFaceBpe, roles: TokenRoles | undefined): FoundTokenIds {
  const ids = new Map(bpe.addedTokens.map((token) => [token.content, token.id]));
  const find = (role: keyof SpecialTokenIds): number | null => {
    const name = [specialTokens[role], ...(otherNames[role] ?? [])].find((candidate) => ids.has(candidate));
    return name === undefined ? null : ids.get(name)!;
  };
  return {
    bos: roles === undefined ? find('bos') : roles.bosTokenId,
    eos: roles === undefined ? find('eos') : (roles.endTokenIds[0] ?? null),
    fimBegin: find('fimBegin'),
    fimHole: find('fimHole'),
    fimEnd: find('fimEnd'),
  };
}

/**
 * The same with our special tokens after the last id, as far as the file has none in their place: for a model that is
 * trained from scratch, and so has a vocabulary of its own.
 */
export function completeTokenizer(json: unknown, name: string): CompleteTokenizer {
  const found = tokenizerFromHuggingFace(json, name);
  if (isComplete(found)) return found;
  const { bosTokenId: bos, eosTokenId: eos, fim, vocabSize } = found;
  const present = new Set(addedTokens(found).map(({ content }) => content));
  const missing = specialRoles.filter((role) => {
    const has = { bos, eos, fimBegin: fim, fimHole: fim, fimEnd: fim }[role] !== null;
    return !has && !present.has(specialTokens[role]);
  });
  const added = missing.map((role, i) => addedToken(vocabSize + i, specialTokens[role]));
  const whole = { ...asObject(json), added_tokens: [...addedTokensOf(json), ...added] };
  const tokenizer = tokenizerFromHuggingFace(whole, name);
  if (!isComplete(tokenizer)) throw new Error('internal: a special token is missing');
  return { ...tokenizer, completedWith: missing.map((role) => specialTokens[role]) };
}

function addedTokensOf(json: unknown): readonly unknown[] {
  const { added_tokens: added } = asObject(json) as { readonly added_tokens?: unknown };
  return Array.isArray(added) ? added : [];
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
