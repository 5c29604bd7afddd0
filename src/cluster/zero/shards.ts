// Which rank holds which tensor, and which one of them owns it: keeps its moments, adds up its gradients, updates it,
// and sends it to the others. This is ZeRO-1 (arXiv:1910.02054): optimizer state once, whatever the number of copies.
//
// Tensors are dealt out whole, the largest first, each to the holder with the least so far, as PyTorch's
// `ZeroRedundancyOptimizer` does. So an update has the bits that it has on one rank.

import type { NamedShape } from '../../config/parameter-shapes.ts';
import type { Schedule } from '../schedule/schedule.ts';
import type { Layout } from '../layout.ts';
import { rankAt, replicasOf } from '../ranks/places.ts';

/** A parameter, or the part of stacked experts that some ranks hold. */
export interface Shard {
  readonly name: string;
  /** Of the part. */
  readonly shape: readonly number[];
  readonly stage: number;
  /** The expert-parallel place whose experts these are; null for a tensor that every place holds whole. */
  readonly expertPlace: number | null;
  /**
   * By replica that holds it, in order, the ranks that do: one, or in DualPipe two, of which the first has the first
   * micro-batches.
   */
  readonly holders: readonly (readonly number[])[];
  readonly owner: number;
}

/** The ranks of a pipeline that hold a stage, in the order of their micro-batches. */
export function holdersOf({ held, rankOf }: Pick<Schedule, 'held' | 'rankOf'>, stage: number): number[] {
  const first = rankOf({ stage, microBatch: 0 });
  const all = held.flatMap((stages, place) => (stages.includes(stage) ? [place] : []));
  return [first, ...all.filter((place) => place !== first)];
}

/** Whether a tensor is one of stacked experts, which expert parallelism divides. */
export function isExpertTensor(name: string): boolean {
  return /\.mlp\.experts\.(gate_up_proj|down_proj)$/.test(name);
}

/** The shards of a model whose parameters are given with their stages, in their order. */
export function planShards(
  parameters: readonly (NamedShape & { readonly stage: number })[],
  layout: Layout,
  schedule: Pick<Schedule, 'held' | 'rankOf'>,
): Shard[] {
  const replicas = Array.from({ length: replicasOf(layout) }, (_, replica) => replica);
  const whole = parameters.flatMap(({ name, shape, stage }): Omit<Shard, 'owner'>[] => {
    const places = holdersOf(schedule, stage);
    const at = (chosen: readonly number[]) => chosen.map((r) => places.map((place) => rankAt(place, r, layout)));
    if (!isExpertTensor(name)) return [{ name, shape, stage, expertPlace: null, holders: at(replicas) }];
    const [experts = 0, ...rest] = shape;
    return Array.from({ length: layout.ep }, (_, expertPlace) => ({
      name,
      shape: [experts / layout.ep, ...rest],
      stage,
      expertPlace,
      holders: at(replicas.filter((replica) => replica % layout.ep === expertPlace)),
    }));
  });
  const owners = dealOut(whole);
  return whole.map((shard) => ({ ...shard, owner: owners.get(shard)! }));
}

const sizeOf = ({ shape }: Pick<Shard, 'shape'>) => shape.reduce((product, length) => product * length, 1);

function dealOut<S extends Omit<Shard, 'owner'>>(shards: readonly S[]): ReadonlyMap<S, number> {
  const load = new Map<number, number>();
  const owners = new Map<S, number>();
  for (const shard of shards.toSorted((a, b) => sizeOf(b) - sizeOf(a))) {
    const candidates = shard.holders.flat().toSorted((a, b) => a - b);
    const owner = candidates.reduce((best, rank) => ((load.get(rank) ?? 0) < (load.get(best) ?? 0) ? rank : best));
    load.set(owner, (load.get(owner) ?? 0) + sizeOf(shard));
    owners.set(shard, owner);
  }
  return owners;
}

/** The part of a tensor's values that is a shard. */
export function partOf({ shape, expertPlace }: Shard, values: Float32Array): Float32Array {
  if (expertPlace === null) return values;
  const size = sizeOf({ shape });
  return values.subarray(expertPlace * size, (expertPlace + 1) * size);
}
