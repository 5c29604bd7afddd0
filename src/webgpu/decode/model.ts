// A model as the kernels of a decoder read it: its own tensors, where they are.
//
// Nothing is packed or copied but a few small vectors, so a decoder is made at once, also while a model is trained.
// Shape legend: D hiddenSize, H heads, P nope, R rope, V value, C latent, Q query latent, E experts, F expert width.

import type { ModelConfig } from '../../config/model-config.ts';
import type { RotaryTables } from '../../ops/rotary.ts';
import type { tf } from '../../tensor/tf.ts';
import type { WebGpuBackend } from '../backend.ts';
import type { Place } from '../slabs.ts';
import { padded } from './attention.ts';

/** What is read of a causal language model. */
export interface DecodedModel {
  readonly config: ModelConfig;
  readonly parameters: ReadonlyMap<string, tf.Variable>;
  readonly expertBiases: ReadonlyMap<number, tf.Variable>;
  readonly rotary: RotaryTables;
}

/** Tensors of a layer, by the names of the kernels that read them. */
export interface LayerPlaces {
  readonly inputGain: Place;
  /** [Q or H*(P+R), D] and [C+R, D]. */
  readonly compressQuery: Place;
  readonly compressLatent: Place;
  /** Norms of queries [Q], padded, and of latents [C]. */
  readonly gains: Place;
  /** [H*(P+R), Q]; null without query compression. */
  readonly queryUp: Place | null;
  readonly kvUp: Place;
  readonly output: Place;
  readonly postGain: Place;
  /** Of a dense layer, or of the shared experts; null without. */
  readonly dense: { readonly gate: Place; readonly up: Place; readonly down: Place } | null;
  readonly experts: {
    readonly router: Place;
    readonly bias: Place;
    readonly gateUp: Place;
    readonly down: Place;
  } | null;
}

/** Finds the tensors of a model, and owns the copies of its small vectors. */
export class ModelPlaces {
  readonly layers: readonly LayerPlaces[];
  readonly embedding: Place;
  readonly norm: Place;
  readonly head: Place;
  /** Cosines [positions, R], padded, and sines. */
  readonly turns: Place;
  /** Null without drafts. */
  readonly mtp: {
    readonly embeddingGain: Place;
    readonly hiddenGain: Place;
    readonly project: Place;
    readonly headGain: Place;
  } | null;
  readonly #backend: WebGpuBackend;
  readonly #model: DecodedModel;
  readonly #copies: Place[] = [];

  constructor(backend: WebGpuBackend, model: DecodedModel, drafts: boolean) {
    this.#backend = backend;
    this.#model = model;
    const { numHiddenLayers } = model.config;
    this.layers = Array.from({ length: numHiddenLayers + Number(drafts) }, (_, i) => this.#layer(i));
    this.embedding = this.#parameter('model.embed_tokens.weight');
    this.norm = this.#parameter('model.norm.weight');
    this.head = this.#parameter('lm_head.weight');
    this.turns = this.#together([model.rotary.cos, model.rotary.sin]);
    const name = `model.layers.${numHiddenLayers}`;
    this.mtp = drafts
      ? {
          embeddingGain: this.#parameter(`${name}.enorm.weight`),
          hiddenGain: this.#parameter(`${name}.hnorm.weight`),
          project: this.#parameter(`${name}.eh_proj.weight`),
          headGain: this.#parameter(`${name}.shared_head.norm.weight`),
        }
      : null;
  }

  dispose(): void {
    for (const place of this.#copies.splice(0)) this.#backend.places.free(place);
  }

  #layer(layer: number): LayerPlaces {
    const { qLoraRank, firstKDenseReplace, nSharedExperts } = this.#model.config;
    const name = `model.layers.${layer}`;
    const [attention, mlp] = [`${name}.self_attn`, `${name}.mlp`];
    const isDense = layer < firstKDenseReplace;
    const swiglu = (of: string) => ({
      gate: this.#parameter(`${of}.gate_proj.weight`),
      up: this.#parameter(`${of}.up_proj.weight`),
      down: this.#parameter(`${of}.down_proj.weight`),
    });
    const norms = [...(qLoraRank === null ? [] : ['q_a_layernorm']), 'kv_a_layernorm'];
    return {
      inputGain: this.#parameter(`${name}.input_layernorm.weight`),
      compressQuery: this.#parameter(`${attention}.${qLoraRank === null ? 'q_proj' : 'q_a_proj'}.weight`),
      compressLatent: this.#parameter(`${attention}.kv_a_proj_with_mqa.weight`),
      gains: this.#together(norms.map((norm) => this.#tensor(`${attention}.${norm}.weight`))),
      queryUp: qLoraRank === null ? null : this.#parameter(`${attention}.q_b_proj.weight`),
      kvUp: this.#parameter(`${attention}.kv_b_proj.weight`),
      output: this.#parameter(`${attention}.o_proj.weight`),
      postGain: this.#parameter(`${name}.post_attention_layernorm.weight`),
      dense: isDense ? swiglu(mlp) : nSharedExperts > 0 ? swiglu(`${mlp}.shared_experts`) : null,
      experts: isDense
        ? null
        : {
            router: this.#parameter(`${mlp}.gate.weight`),
            bias: this.#backend.placeOf(this.#model.expertBiases.get(layer)!),
            gateUp: this.#parameter(`${mlp}.experts.gate_up_proj`),
            down: this.#parameter(`${mlp}.experts.down_proj`),
          },
    };
  }

  #tensor(name: string): tf.Variable {
    const parameter = this.#model.parameters.get(name);
    if (parameter === undefined) throw new Error(`internal: the model has no ${name}`);
    return parameter;
  }

  #parameter(name: string): Place {
    return this.#backend.placeOf(this.#tensor(name));
  }

  /** Copies of tensors one after the other, each but the last padded. */
  #together(tensors: readonly tf.Tensor[]): Place {
    const sizes = tensors.map(({ size }) => padded(size));
    const place = this.#backend.places.allocate(4 * sizes.reduce((a, b) => a + b, 0));
    this.#copies.push(place);
    let offset = place.offset;
    for (const [i, tensor] of tensors.entries()) {
      this.#backend.copy(this.#backend.placeOf(tensor), { buffer: place.buffer, offset, bytes: 4 * tensor.size });
      offset += 4 * sizes[i]!;
    }
    return place;
  }
}
