// The tokenizer of a model folder, with the tokens that end an answer. It loads no TF.js, since commands that only copy
// folders use it too.

import { isForeign } from '../config/huggingface-foreign.ts';
import type { ModelConfig } from '../config/model-config.ts';
import { addedTokens } from '../data/tokenizers/added-tokens.ts';
import { type TokenRoles, tokenizerFromHuggingFace } from '../data/tokenizers/hugging-face-tokenizer.ts';
import type { Tokenizer } from '../data/types.ts';
import { UserError } from '../errors.ts';
import type { Checkpoint } from '../io/checkpoint.ts';
import { isJsonObject, type JsonObject } from '../io/json.ts';

/** The files of a model folder that say what its tokens are and what they mean. */
export type TokenizerFiles = Pick<Checkpoint, 'hfConfig' | 'tokenizerJson' | 'tokenizerConfig' | 'generationConfig'>;

export interface FolderTokenizer {
  readonly tokenizer: Tokenizer;
  /** What is unusual about it. */
  readonly notes: readonly string[];
}

/**
 * The tokenizer of a model folder. The tokens that begin a text and end an answer are those of
 * `generation_config.json`, or else of `config.json`, or else those that `tokenizer_config.json` names; only a folder
 * in which none of the three says so is searched for the names of other models.
 *
 * @throws UserError if there is none, or if it has more tokens than the model.
 */
export function folderTokenizer(
  folder: string,
  files: TokenizerFiles,
  { vocabSize }: Pick<ModelConfig, 'vocabSize'>,
): FolderTokenizer {
  const { tokenizerJson, tokenizerConfig, hfConfig } = files;
  if (tokenizerJson === null) {
    throw new UserError(`checkpoint: ${folder} has no tokenizer.json; copy the one the model was trained with into it`);
  }
  const whole = withListedTokens(tokenizerJson, tokenizerConfig ?? {});
  const [json, beyond] = isForeign(hfConfig) ? withinVocabulary(whole, vocabSize) : [whole, []];
  const plain = tokenizerFromHuggingFace(json);
  if (plain.vocabSize > vocabSize) {
    throw new UserError(
      `checkpoint: ${folder} has a tokenizer of ${plain.vocabSize} tokens and a model of ${vocabSize}; ` +
        'they do not belong together',
    );
  }
  const { roles, notes } = tokenRoles(files, plain, vocabSize);
  const unused = beyond.map(
    (token) => `tokenizer: ${token} is not in the model's vocabulary of ${vocabSize} tokens; it is not used`,
  );
  const tokenizer = tokenizerFromHuggingFace(json, undefined, roles);
  const template = tokenizerConfig?.chat_template;
  return {
    tokenizer: typeof template === 'string' ? { ...tokenizer, chatTemplate: template } : tokenizer,
    notes: [...unused, ...notes],
  };
}

/** Who says which tokens begin and end texts. */
function tokenRoles(
  { generationConfig, hfConfig, tokenizerConfig }: TokenizerFiles,
  plain: Tokenizer,
  vocabSize: number,
): { readonly roles: TokenRoles; readonly notes: readonly string[] } {
  const byName = createNameLookup(plain);
  const inFiles = [generationConfig ?? {}, hfConfig];
  const idsOf = (key: string) =>
    inFiles.map((json) => readIds(json[key]).filter((id) => id < vocabSize)).find((ids) => ids.length > 0);
  const named = (key: 'bos_token' | 'eos_token') => byName(tokenText(tokenizerConfig?.[key]));
  const [begin] = idsOf('bos_token_id') ?? named('bos_token');
  const stated = idsOf('eos_token_id') ?? named('eos_token');
  const endTokenIds = stated.length > 0 || plain.eosTokenId === null ? stated : [plain.eosTokenId];
  const lost = tokenText(tokenizerConfig?.eos_token);
  const isLost = stated.length === 0 && lost !== null;
  const notes = [
    ...(isLost
      ? [`tokenizer_config.json: the tokenizer has no ${JSON.stringify(lost)}, which is named as eos_token`]
      : []),
    ...(endTokenIds.length === 0 ? ['tokenizer: no token ends an answer; answers end at their greatest length'] : []),
  ];
  return { roles: { bosTokenId: begin ?? plain.bosTokenId, endTokenIds }, notes };
}

/** Ids as the files have them: one, a list, or null for none. */
function readIds(value: unknown): readonly number[] {
  return [value].flat().filter((id): id is number => Number.isInteger(id) && Number(id) >= 0);
}

/** How a `tokenizer_config.json` writes a special token: its text, or an object around it. */
function tokenText(value: unknown): string | null {
  const text = isJsonObject(value) ? value.content : value;
  return typeof text === 'string' ? text : null;
}

/** A function that finds tokens by their text: added tokens, or ordinary ones that are exactly this text. */
function createNameLookup(plain: Tokenizer): (text: string | null) => readonly number[] {
  const added = new Map(addedTokens(plain).map(({ id, content }) => [content, id]));
  return (text) => {
    if (text === null || text === '') return [];
    const id = added.get(text);
    if (id !== undefined) return [id];
    const ids = plain.encode(text);
    return ids.length === 1 ? [ids[0]!] : [];
  };
}

/** Adds the tokens that only `added_tokens_decoder` of a `tokenizer_config.json` lists, under the ids that it gives. */
function withListedTokens(json: JsonObject, { added_tokens_decoder: listed }: JsonObject): JsonObject {
  const added: readonly unknown[] = Array.isArray(json.added_tokens) ? json.added_tokens : [];
  const known = new Set(added.map((token) => (isJsonObject(token) ? token.content : null)));
  const more = Object.entries(isJsonObject(listed) ? listed : {}).flatMap(([id, token]) => {
    const content = tokenText(token);
    return /^\d{1,9}$/.test(id) && content !== null && !known.has(content)
      ? [{ ...addedLike(token), id: Number(id) }]
      : [];
  });
  return more.length === 0 ? json : { ...json, added_tokens: [...added, ...more] };
}

function addedLike(token: unknown): JsonObject {
  return isJsonObject(token) ? token : {};
}

/** Drops added tokens that the model has no row for, such as a padding token of whoever trained it, and names them. */
function withinVocabulary(json: JsonObject, vocabSize: number): readonly [json: JsonObject, beyond: readonly string[]] {
  const added: readonly unknown[] = Array.isArray(json.added_tokens) ? json.added_tokens : [];
  const isBeyond = (token: unknown) => isJsonObject(token) && Number(token.id) >= vocabSize;
  const beyond = added.filter(isBeyond).map((token) => JSON.stringify(tokenText(token)));
  if (beyond.length === 0) return [json, []];
  return [{ ...json, added_tokens: added.filter((token) => !isBeyond(token)) }, beyond];
}
