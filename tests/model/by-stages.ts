// A training loss and its gradients by stages: every stage is a pullback of its own, which gets the gradients of its
// outputs from those after it.

import type { DeepseekV3ForCausalLM } from '../../src/model/causal-lm.ts';
import { balanceLoss } from '../../src/moe/balance-loss.ts';
import type { RoutingRecord } from '../../src/moe/moe.ts';
import { type Pullback, pullback } from '../../src/tensor/pullback.ts';
import { tf } from '../../src/tensor/tf.ts';
import { type LossInput, labelLoss, labelsOf } from '../../src/train/loss.ts';

/** lambda, and alpha of a sequence-wise balance loss. */
export const byStagesWeights = { mtpWeight: 0.3, balancing: 'bias', balanceLossFactor: 0.1 } as const;

type Pass = Pick<Pullback<unknown>, 'backwardWeights' | 'release'>;
type Named = ReadonlyMap<string, tf.Variable>;

/** The forward pass of one micro-batch, waiting for its backward passes. */
export interface InFlight {
  readonly total: tf.Scalar;
  /** Backward for inputs, through all stages; with `isJoint` the gradients of the weights are made on the way. */
  backwardInputs(isJoint?: boolean): void;
  /** Gradients of all parameters, in their order. */
  backwardWeights(): tf.Tensor[];
}

/** Runs a model by stages. Tensors belong to the caller's tidy; the backward passes free what is held. */
export function forwardByStages(model: DeepseekV3ForCausalLM, input: LossInput): InFlight {
  const { embedding, blocks, head, mtp } = model.stages;
  const [B, length] = input.ids.shape;
  const T = length - 1;
  const ids = tf.slice(input.ids, [0, 0], [B, T]);
  const balanceOf = (routing: RoutingRecord | null) =>
    routing && balanceLoss(routing, model.config, { scope: 'sequence', selection: 'affinity' });
  const attendOver = (positions: number) => model.attendWithin(positions, input.documentIds);

  const embed = pullback(() => embedding.apply(ids), [], [...embedding.parameters.values()]);
  let last = embed.value;
  const layers = blocks.map((block) => {
    // The input is an output too: the embeddings have uses after the first block, and their sum begins with those.
    const f = (x: tf.Tensor3D) => {
      const { hidden, routing } = block.apply(x, attendOver(T));
      return { x, hidden, balance: balanceOf(routing) };
    };
    const pass = pullback(f, [last], [...block.parameters.values()]);
    last = pass.value.hidden;
    return pass;
  });
  const norm = pullback((x) => head.apply(x), [last], weightsOf(head.parameters, 'model.norm.weight'));
  let start = norm.value.start;
  const depths = mtp.map((stage) => {
    const f = (start: tf.Tensor3D, embedded: tf.Tensor3D) => {
      const { routing, ...out } = stage.predict(start, embedded, attendOver(T - stage.depth));
      return { ...out, balance: balanceOf(routing) };
    };
    const pass = pullback(f, [start, embed.value], [...stage.parameters.values()]);
    start = pass.value.start;
    return pass;
  });
  const losses = [norm, ...depths].map(({ value }, depth) => {
    const f = (hidden: tf.Tensor3D) => labelLoss(hidden, head.weight, labelsOf(input, depth));
    return pullback(f, [value.hidden], weightsOf(head.parameters, 'lm_head.weight'));
  });
  const routed = [...layers, ...depths].filter(({ value }) => value.balance !== null);
  const [D, R] = [losses.length, routed.length];
  const total = pullback(
    (...terms: tf.Scalar[]) => {
      const [main, ...further] = terms.slice(0, D);
      const mtpMean = tf.div(tf.addN(further), further.length);
      const balance = tf.div(tf.addN(terms.slice(D)), R);
      const weighted = tf.add(main!, tf.mul(mtpMean, byStagesWeights.mtpWeight));
      return tf.add(weighted, tf.mul(balance, byStagesWeights.balanceLossFactor * R)) as tf.Scalar;
    },
    [...losses.map(({ value }) => value), ...routed.map(({ value }) => value.balance!)],
  );

  /** By pass, in the order of its weights: from the joint backward pass, or to be asked for. */
  const gradients = new Map<Pass, () => tf.Tensor[]>();
  const differentiate = <T>(pass: Pullback<T>, dys: Parameters<Pullback<T>['backward']>[0], isJoint: boolean) => {
    if (!isJoint) {
      gradients.set(pass, () => pass.backwardWeights());
      return pass.backwardInputs(dys);
    }
    const { inputs, weights } = pass.backward(dys);
    gradients.set(pass, () => weights);
    return inputs;
  };
  return {
    total: total.value,
    backwardInputs: (isJoint = false) => {
      const dTerms = differentiate(total, tf.scalar(1), isJoint);
      const dBalance = new Map(routed.map((pass, i) => [pass as unknown, dTerms[D + i]!]));
      const dHidden = losses.map((_, k) => D - 1 - k).map((k) => differentiate(losses[k]!, dTerms[k]!, isJoint)[0]!);
      let dStart: tf.Tensor | undefined;
      let dEmbedded: tf.Tensor | undefined;
      for (const [i, pass] of depths.toReversed().entries()) {
        const dys = { hidden: dHidden[i], start: dStart, balance: dBalance.get(pass) };
        const [dPrevious, dOwn] = differentiate(pass, dys, isJoint);
        dStart = dPrevious;
        dEmbedded = dEmbedded === undefined ? dOwn! : tf.add(dEmbedded, dOwn!);
      }
      let [dx] = differentiate(norm, { hidden: dHidden.at(-1), start: dStart }, isJoint);
      for (const pass of layers.toReversed()) {
        const dys = { x: pass === layers[0] ? dEmbedded : undefined, hidden: dx, balance: dBalance.get(pass) };
        dx = differentiate(pass, dys, isJoint)[0];
      }
      differentiate(embed, dx as tf.Tensor3D, isJoint);
    },
    backwardWeights: () => {
      const found = (pass: Pass) => gradients.get(pass)!();
      // The last use of the head is that of the deepest MTP module.
      const dHead = losses.toReversed().map((pass) => found(pass)[0]!);
      return [
        ...[embed, ...layers, norm].flatMap(found),
        dHead.slice(1).reduce((sum, gradient) => tf.add(sum, gradient), dHead[0]!),
        ...depths.flatMap(found),
      ];
    },
  };
}

function weightsOf(parameters: Named, name: string): tf.Variable[] {
  return [parameters.get(name)!];
}
