// Gradients from all that hold a tensor to its owner, and the updated tensor back to them.
//
// Every sum is made in a fixed order: within a pipeline micro-batch by micro-batch, then replica by replica.

import { tf } from '../../tensor/tf.ts';
import { type RankMail, shared } from '../ranks/mailbox.ts';
import type { OrderedSum } from './ordered-sum.ts';
import type { Shard } from './shards.ts';

/** The shards of a model, by index; those that a rank holds have a variable there. */
export interface HeldShards {
  readonly shards: readonly Shard[];
  readonly variables: ReadonlyMap<number, tf.Variable>;
}

/**
 * The gradients of the shards that this rank owns, by index: the sum over all ranks that hold them.
 *
 * `sums` are those of the stages of this rank, whose tensors are in the order of the shards of the stage.
 * Ownership: the result belongs to the caller.
 */
export function reduceGradients(
  mailbox: RankMail,
  held: HeldShards,
  sums: ReadonlyMap<number, OrderedSum>,
): ReadonlyMap<number, tf.Tensor> {
  const own = addWithinPipelines(mailbox, held, sums);
  const { rank } = mailbox;
  for (const [index, gradient] of own) {
    const { owner } = held.shards[index]!;
    if (owner === rank) continue;
    mailbox.send(owner, `gradient ${index}`, [shared(gradient.dataSync<'float32'>())], 'gradients');
    gradient.dispose();
  }
  const owned = new Map<number, tf.Tensor>();
  for (const index of held.variables.keys()) {
    const shard = held.shards[index]!;
    if (shard.owner !== rank) continue;
    const parts = shard.holders.map((ranks) => {
      const last = ranks.at(-1)!;
      return last === rank ? own.get(index)! : receive(mailbox, last, `gradient ${index}`, shard.shape);
    });
    owned.set(index, addUp(parts));
  }
  return owned;
}

/** The sums over the micro-batches of this pipeline, of the shards for which this rank is the last to add its own. */
function addWithinPipelines(
  mailbox: RankMail,
  { shards, variables }: HeldShards,
  sums: ReadonlyMap<number, OrderedSum>,
): ReadonlyMap<number, tf.Tensor> {
  const { rank } = mailbox;
  const done = new Map<number, tf.Tensor>();
  const stages = Array.from(sums, ([stage, sum]) => {
    const indices = [...variables.keys()].filter((index) => shards[index]!.stage === stage);
    const [first = rank, last = first] = shards[indices[0]!]!.holders.find((ranks) => ranks.includes(rank))!;
    return { stage, sum, indices, first, last };
  });
  const keep = (indices: readonly number[], gradients: readonly tf.Tensor[]) =>
    indices.forEach((index, i) => void done.set(index, gradients[i]!));
  for (const { stage, sum, indices, first, last } of stages) {
    if (first !== rank) continue;
    const gradients = sum.take();
    if (last === rank) keep(indices, gradients);
    else {
      const payload = gradients.map((gradient) => shared(gradient.dataSync<'float32'>()));
      mailbox.send(last, `sum ${stage}`, payload, 'gradients');
      tf.dispose([...gradients]);
    }
  }
  for (const { stage, sum, indices, first } of stages) {
    if (first === rank) continue;
    const before = mailbox.receive(first, `sum ${stage}`);
    sum.begin(indices.map((index, i) => tf.tensor(before[i] as Float32Array, [...shards[index]!.shape])));
    keep(indices, sum.take());
  }
  return done;
}

/** The sum, in order; the parts are freed. */
function addUp([first, ...rest]: readonly tf.Tensor[]): tf.Tensor {
  return rest.reduce((sum, part) => {
    const next = tf.add(sum, part);
    tf.dispose([sum, part]);
    return next;
  }, first!);
}

function receive(mailbox: RankMail, from: number, tag: string, shape: readonly number[]): tf.Tensor {
  const [values] = mailbox.receive(from, tag);
  return tf.tensor(values as Float32Array, [...shape]);
}

/** Sends the tensors that this rank owns to the others that hold them, and takes theirs. */
export function shareParameters(mailbox: RankMail, { shards, variables }: HeldShards): void {
  const { rank } = mailbox;
  for (const [index, variable] of variables) {
    const { owner, holders } = shards[index]!;
    const others = holders.flat().filter((holder) => holder !== rank);
    if (owner !== rank || others.length === 0) continue;
    const values = shared(variable.dataSync<'float32'>());
    for (const holder of others) mailbox.send(holder, `parameter ${index}`, [values], 'parameters');
  }
  for (const [index, variable] of variables) {
    const { owner, shape } = shards[index]!;
    if (owner === rank) continue;
    tf.tidy(() => variable.assign(receive(mailbox, owner, `parameter ${index}`, shape)));
  }
}
