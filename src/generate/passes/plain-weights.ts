// What a decoder reads from the model's own tensors, whatever the format of its matrices: norm gains, balancing biases
// and the embedding.

import type { Address } from '../../engine/address.ts';
import type { EngineBackend } from '../../engine/backend.ts';
import type { DeepseekV3ForCausalLM } from '../../model/causal-lm.ts';
import type { tf } from '../../tensor/tf.ts';

export class PlainWeights {
  protected readonly backend: EngineBackend;
  readonly #model: DeepseekV3ForCausalLM;

  constructor(backend: EngineBackend, model: DeepseekV3ForCausalLM) {
    this.backend = backend;
    this.#model = model;
  }

  /** The address of a parameter, unpacked. */
  plain(name: string): Address {
    return this.backend.address(this.parameter(name));
  }

  /** The balancing bias of a layer. */
  bias(layer: number): Address {
    return this.backend.address(this.#model.expertBiases.get(layer)!);
  }

  protected parameter(name: string): tf.Variable {
    const parameter = this.#model.parameters.get(name);
    if (parameter === undefined) throw new Error(`internal: the model has no ${name}`);
    return parameter;
  }
}
