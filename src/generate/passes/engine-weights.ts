// The matrices of a model as the engine's decoder reads them: packed into panels once, when a decoder is made. A token
// reads every weight once, in order; when the weights are packed, these are whole vectors, whatever the sizes of the
// model.
//
// Norm gains, balancing biases and the embedding are not packed: they are read from the model's own tensors.
// Shape legend: D hiddenSize, H heads, P nope, R rope, V value, C latent, Q query, E experts, F expert width.

import { type Address, plus } from '../../engine/address.ts';
import type { EngineBackend } from '../../engine/backend.ts';
import type { DeepseekV3ForCausalLM } from '../../model/causal-lm.ts';
import type { tf } from '../../tensor/tf.ts';
import { EngineBlocks, floatsAt } from './engine-blocks.ts';
import { PlainWeights } from './plain-weights.ts';

/** Addresses of weights. Methods take Hugging Face's names. */
export interface ModelWeights {
  /** Inputs of the widest matrix that must be unpacked for passes of many rows. */
  readonly mostInputs: number;
  /** The address of a parameter, unpacked. */
  plain(name: string): Address;
  /** The balancing bias of a layer. */
  bias(layer: number): Address;
  /** [out, in] -> panels. */
  packed(name: string): Address;
  /** The same of head, router and `eh_proj`, which never have 8 bits. */
  packedPlain(name: string): Address;
  /**
   * Matrices with the same input, packed as one, with their outputs one after the other: one product instead of
   * several.
   */
  stacked(...names: readonly string[]): Address;
  /**
   * Rows `first` to `first + count - 1` of each head's part of a matrix [H * perHead, width], as a product with `width`
   * inputs, or (`transposed`) with `count` inputs.
   */
  heads(name: string, heads: number, first: number, count: number, transposed: boolean): Address;
  /** The gate and up matrices [F, D] of a SwiGLU: their panels take turns. */
  gateUp(gate: string, up: string): Address;
  /** The gate and up matrices of all experts [E, 2F, D], packed in the same way. */
  expertsGateUp(name: string): Address;
  /** [E, D, F] -> panels of each expert. */
  expertsDown(name: string): Address;
}

/** Weights in float32. */
export class EngineWeights extends PlainWeights implements ModelWeights {
  readonly mostInputs = 0;
  readonly #blocks: EngineBlocks;
  readonly #panelWidth: number;

  /** Packed weights belong to `blocks`. */
  constructor(backend: EngineBackend, model: DeepseekV3ForCausalLM, blocks: EngineBlocks) {
    super(backend, model);
    this.#blocks = blocks;
    this.#panelWidth = backend.exports.panelWidth();
  }

  packedPlain(name: string): Address {
    return this.packed(name);
  }

  packed(name: string): Address {
    const [outputs, inputs] = this.parameter(name).shape as [number, number];
    const to = this.#panels(1, outputs, inputs);
    this.#pack(this.plain(name), outputs, inputs, false, to, 1);
    return to;
  }

  stacked(...names: readonly string[]): Address {
    const tensors = names.map((name) => this.parameter(name));
    const inputs = tensors[0]!.shape[1]!;
    const outputs = tensors.reduce((sum, { shape }) => sum + shape[0]!, 0);
    const to = this.#panels(1, outputs, inputs);
    const together = new EngineBlocks(this.backend);
    let at = together.take(outputs * inputs);
    const from = at;
    for (const tensor of tensors) {
      floatsAt(this.backend, at, tensor.size).set(this.#floats(tensor));
      at = plus(at, 4 * tensor.size);
    }
    this.#pack(from, outputs, inputs, false, to, 1);
    together.free();
    return to;
  }

  heads(name: string, heads: number, first: number, count: number, transposed: boolean): Address {
    const [rows, width] = this.parameter(name).shape as [number, number];
    const [outputs, inputs] = transposed ? [width, count] : [count, width];
    const to = this.#panels(heads, outputs, inputs);
    const [perHead, step] = [rows / heads, this.#length(outputs, inputs)];
    for (let head = 0; head < heads; head++) {
      const from = plus(this.plain(name), 4 * (head * perHead + first) * width);
      this.#pack(from, outputs, inputs, transposed, plus(to, 4 * head * step), 1);
    }
    return to;
  }

  gateUp(gate: string, up: string): Address {
    const [outputs, inputs] = this.parameter(gate).shape as [number, number];
    const to = this.#panels(2, outputs, inputs);
    this.#packPairs(this.plain(gate), this.plain(up), outputs, inputs, to);
    return to;
  }

  expertsGateUp(name: string): Address {
    const [experts, both, inputs] = this.parameter(name).shape as [number, number, number];
    const outputs = both / 2;
    const to = this.#panels(2 * experts, outputs, inputs);
    for (let expert = 0; expert < experts; expert++) {
      const gate = plus(this.plain(name), 4 * expert * both * inputs);
      const up = plus(gate, 4 * outputs * inputs);
      this.#packPairs(gate, up, outputs, inputs, plus(to, 8 * expert * this.#length(outputs, inputs)));
    }
    return to;
  }

  expertsDown(name: string): Address {
    const [experts, outputs, inputs] = this.parameter(name).shape as [number, number, number];
    const to = this.#panels(experts, outputs, inputs);
    for (let expert = 0; expert < experts; expert++) {
      const from = plus(this.plain(name), 4 * expert * outputs * inputs);
      this.#pack(from, outputs, inputs, false, plus(to, 4 * expert * this.#length(outputs, inputs)), 1);
    }
    return to;
  }

  #packPairs(gate: Address, up: Address, outputs: number, inputs: number, to: Address): void {
    this.#pack(gate, outputs, inputs, false, to, 2);
    this.#pack(up, outputs, inputs, false, plus(to, 4 * inputs * this.#panelWidth), 2);
  }

  #pack(from: Address, outputs: number, inputs: number, transposed: boolean, to: Address, every: number): void {
    this.backend.exports.packPanels(from, outputs, inputs, transposed, to, every);
  }

  #panels(count: number, outputs: number, inputs: number): Address {
    return this.#blocks.take(count * this.#length(outputs, inputs));
  }

  /** Numbers of one packed matrix. */
  #length(outputs: number, inputs: number): number {
    return Math.ceil(outputs / this.#panelWidth) * this.#panelWidth * inputs;
  }

  #floats(tensor: tf.Variable): Float32Array {
    return floatsAt(this.backend, this.backend.address(tensor), tensor.size);
  }
}
