// The layouts in which other programs store the weights of a `deepseek_v3` model, each turned into the one that
// DeepSeek and transformers write. Nothing is read here; every difference is noted. The list is what transformers 5.18
// loads:
//
// - names without the prefix `model.`, as the model without its output head is saved;
// - the experts of a layer stacked, as transformers holds them in memory;
// - one tensor for embedding and output head, where `tie_word_embeddings` is true;
// - no balancing bias, which then is zero;
// - buffers that are computed again (`rotary_emb.inv_freq`), and tensors that the model has no place for.
//
// The last two hold for folders from elsewhere; a folder of ours has exactly its tensors.

import { isForeign } from '../config/huggingface-foreign.ts';
import type { ModelConfig } from '../config/model-config.ts';
import { bufferShapes, parameterShapes } from '../config/parameter-shapes.ts';
import { expectedParts, fileParts, firstFew, mtpCopies } from './hf-tensors.ts';
import type { JsonObject } from './json.ts';
import { elementCount, type LazyTensor, type TensorSource } from './tensor-source.ts';

/** The tensors of a file in DeepSeek's layout, and what was different. */
export interface ArrangedTensors {
  readonly model: TensorSource;
  readonly notes: readonly string[];
}

/** A layout: changes the tensors by name, and says what it changed, or nothing. */
type Layout = (tensors: Map<string, LazyTensor>, config: ModelConfig) => string | undefined;

/**
 * The tensors of a model folder in the layout that `fromHfTensors` expects. What is missing after all is for that to
 * say.
 *
 * @throws UserError if the config describes far more tensors than there are.
 */
export function arrangeTensors(source: TensorSource, hfConfig: JsonObject, config: ModelConfig): ArrangedTensors {
  const layouts: readonly Layout[] = [
    prefixed,
    splitExperts,
    ...(hfConfig.tie_word_embeddings === true ? [untied] : []),
    ...(isForeign(hfConfig) ? [zeroBiases, withoutOthers] : []),
  ];
  const tensors = new Map(
    Array.from(source.tensors.values(), ({ name, shape }): [string, LazyTensor] => {
      return [name, { name, shape, read: () => source.read(name) }];
    }),
  );
  const notes = layouts.flatMap((layout) => layout(tensors, config) ?? []);
  const read = (name: string): Float32Array => {
    const tensor = tensors.get(name);
    if (tensor === undefined) throw new Error(`internal: there is no tensor ${name}`);
    return tensor.read();
  };
  return { model: { tensors, read }, notes: notes.map((note) => `model tensors: ${note}`) };
}

/** `layers.0.mlp...` becomes `model.layers.0.mlp...`. */
const prefixed: Layout = (tensors) => {
  const names = [...tensors.keys()];
  if (names.some((name) => name.startsWith('model.'))) return undefined;
  const bare = names.filter((name) => /^(?:layers|embed_tokens|norm)\./.test(name));
  for (const name of bare) rename(tensors, name, `model.${name}`);
  return bare.length === 0 ? undefined : 'the names lack the prefix "model.", which is added';
};

/** Experts in one tensor for a layer become three matrices each. */
const splitExperts: Layout = (tensors, { nRoutedExperts }) => {
  const stacks = [...tensors.values()].filter((tensor) => isStack(tensor, nRoutedExperts));
  const readStack = rememberLast();
  for (const stack of stacks) {
    tensors.delete(stack.name);
    for (const { name, shape, offset } of fileParts(stack)) {
      const read = () => readStack(stack).slice(offset, offset + elementCount(shape));
      if (!tensors.has(name)) tensors.set(name, { name, shape, read });
    }
  }
  return stacks.length === 0 ? undefined : 'the experts of each layer are stacked in one tensor; they are taken apart';
};

function isStack({ name, shape }: LazyTensor, nRoutedExperts: number): boolean {
  return /\.mlp\.experts\.(?:gate_up_proj|down_proj)$/.test(name) && shape.length === 3 && shape[0] === nRoutedExperts;
}

/** Reads tensors, and keeps the values of the last one: what is cut out of a tensor is asked for piece after piece. */
function rememberLast(): (tensor: LazyTensor) => Float32Array {
  let last: { readonly name: string; readonly values: Float32Array } | null = null;
  return ({ name, read }) => {
    if (last?.name !== name) last = { name, values: read() };
    return last.values;
  };
}

const [embedding, head] = ['model.embed_tokens.weight', 'lm_head.weight'];

/** One tensor for both becomes two; where both are there, each keeps its values, as in transformers. */
const untied: Layout = (tensors) => {
  const [present, absent] = tensors.has(embedding) ? [embedding, head] : [head, embedding];
  const tensor = tensors.get(present);
  if (tensor === undefined || tensors.has(absent)) return undefined;
  tensors.set(absent, { ...tensor, name: absent });
  return `tie_word_embeddings: ${absent} is a copy of ${present}; here they are two tensors, which train apart`;
};

/** Layers without a balancing bias get one of zeros. */
const zeroBiases: Layout = (tensors, config) => {
  const missing = bufferShapes(config).filter(({ name }) => {
    return !tensors.has(name) && tensors.has(name.replace('e_score_correction_bias', 'weight'));
  });
  for (const { name, shape } of missing) {
    tensors.set(name, { name, shape, read: () => new Float32Array(elementCount(shape)) });
  }
  return missing.length === 0
    ? undefined
    : `${missing.length} layers have no e_score_correction_bias, which is zero then, as in transformers`;
};

/** Drops what the model has no place for, unless something is missing: its name may be what is wrong then. */
const withoutOthers: Layout = (tensors, config) => {
  const parts = expectedParts({ tensors }, [...parameterShapes(config), ...bufferShapes(config)]);
  if (parts.some(({ name }) => !tensors.has(name))) return undefined;
  const known = new Set([...parts.map(({ name }) => name), ...mtpCopies(config).keys()]);
  const others = [...tensors.values()].filter(({ name }) => !known.has(name));
  for (const { name } of others) tensors.delete(name);
  // A model without shared experts has empty tensors for one in files of transformers.
  const names = others.filter(({ shape }) => elementCount(shape) > 0).map(({ name }) => name);
  if (names.length === 0) return undefined;
  return `${names.length} that the model has no place for are left out, as by transformers: ${firstFew(names)}`;
};

function rename(tensors: Map<string, LazyTensor>, name: string, other: string): void {
  const tensor = tensors.get(name);
  if (tensor === undefined) return;
  tensors.delete(name);
  tensors.set(other, { ...tensor, name: other });
}
