import { ParameterStore } from '../../tensor/parameters.ts';
import type { tf } from '../../tensor/tf.ts';
import { isExpertTensor } from '../zero/shards.ts';

/** Parameters of a rank that holds a share of the experts: stacked experts have that many, and all else is whole. */
export class ExpertShardStore extends ParameterStore {
  readonly #places: number;

  /** `places`: ranks among which the experts are divided. */
  constructor(seed: number, std: number, places: number) {
    super(seed, std);
    this.#places = places;
  }

  override weight<R extends tf.Rank>(name: string, shape: tf.ShapeMap[R]): tf.Variable<R> {
    if (!isExpertTensor(name)) return super.weight(name, shape);
    const [experts = 0, ...rest] = shape as number[];
    return super.weight(name, [experts / this.#places, ...rest] as tf.ShapeMap[R]);
  }
}
