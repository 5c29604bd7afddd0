// What `bench ops` measures: matrix products, and the fused ops with their gradients at the sizes of preset `peer-a`
// (1024 tokens, width 128).
// Shape legend: B batch, T tokens, N = B*T, D hiddenSize, H heads, P, R, V channels of a head (without position, rotary,
// of the value), E experts, K experts per token, F width of a feed-forward, Y vocabulary.

import { modelPreset, trainPreset } from '../config/presets.ts';
import { nowhere } from '../engine/address.ts';
import type { EngineBackend } from '../engine/backend.ts';
import { DeepseekV3ForCausalLM } from '../model/causal-lm.ts';
import { adamwUpdateOp } from '../ops/adamw-update.ts';
import { hasKernel } from '../ops/kernels.ts';
import { linearCrossEntropy, linearCrossEntropyOp } from '../ops/linear-cross-entropy.ts';
import { attentionVisibility, mlaAttention, mlaAttentionOp } from '../ops/mla-attention.ts';
import { rmsNorm, rmsNormOp } from '../ops/rms-norm.ts';
import { routedExperts, routedExpertsOp } from '../ops/routed-experts.ts';
import { swiglu, swigluOp } from '../ops/swiglu.ts';
import { createRandom, normalArray } from '../tensor/random.ts';
import { tf } from '../tensor/tf.ts';
import { AdamW } from '../train/adamw.ts';

/** Something to be timed. It owns what it works on until `dispose`. */
export interface OpCase {
  readonly name: string;
  /** Its sizes, for people. */
  readonly size: string;
  /** Useful operations of one run, where they are what it takes time for; else null. */
  readonly flops: number | null;
  /** Bytes that one run must at least read and write, where they are; else null. */
  readonly bytes: number | null;
  readonly run: () => void;
  readonly dispose: () => void;
}

const model = modelPreset('peer-a');
const { batchSize: B, seqLen: T } = trainPreset('peer-a');
const { hiddenSize: D, numAttentionHeads: H, vocabSize: Y } = model;
const { qkNopeHeadDim: P, qkRopeHeadDim: R, vHeadDim: V } = model;
const { nRoutedExperts: E, numExpertsPerTok: K } = model;
const N = B * T;

const products = [
  [960, 128, 576],
  [64, 128, 64],
  [960, 960, 960],
] as const;

let seeds = 0;
const random = <Rank extends tf.Rank>(...shape: tf.ShapeMap[Rank]): tf.Tensor<Rank> => {
  seeds += 1;
  const size = shape.reduce((product, length) => product * length, 1);
  return tf.tensor<Rank>(normalArray(size, 1, seeds), shape);
};

/** [m, k] times [k, n] as the kernel alone, without TF.js around it. */
export function productCase(
  backend: EngineBackend,
  [m, k, n]: readonly [number, number, number],
  transposeA = false,
  transposeB = false,
): OpCase {
  const [a, b, c] = [random<tf.Rank.R1>(m * k), random<tf.Rank.R1>(k * n), random<tf.Rank.R1>(m * n)];
  const [atA, atB, atC] = [backend.address(a), backend.address(b), backend.address(c)];
  const { gemm, gemmWorkspace } = backend.exports;
  const packed = random<tf.Rank.R1>(gemmWorkspace(1, m, k, transposeA, 0));
  const atPacked = backend.address(packed);
  return {
    name: `product ${transposeA ? 'A^T' : 'A'} ${transposeB ? 'B^T' : 'B'}`,
    size: `${m} x ${k} x ${n}`,
    flops: 2 * m * k * n,
    bytes: null,
    run: () => gemm(atA, atB, atC, 1, m, n, k, transposeA, transposeB, 0, 0, false, nowhere, 0, atPacked),
    dispose: () => tf.dispose([a, b, c, packed]),
  };
}

/** Forward and gradient of an op, the gradient of its output being given. */
function gradientCase(
  op: Pick<OpCase, 'name' | 'size' | 'flops' | 'bytes'>,
  inputs: tf.Tensor[],
  forward: () => tf.Tensor,
  constants: tf.Tensor[] = [],
): OpCase {
  const dy = tf.tidy(() => random(...forward().shape));
  const run = () => {
    const { value, grads } = tf.engine().gradients(forward, inputs, dy);
    tf.dispose([value, ...grads]);
  };
  return { ...op, run, dispose: () => tf.dispose([...inputs, ...constants, dy]) };
}

/** Training multiplies each pair once forward and twice backward: 6 operations. */
const trainingFlops = 6;
const float32 = 4;

/** RMSNorm reads x and writes y; its gradient reads x and dy and writes dx. */
function rmsNormCase(): OpCase {
  const [x, weight] = [random<tf.Rank.R2>(N, D), random<tf.Rank.R1>(D)];
  const op = { name: 'RMSNorm', size: `${N} x ${D}`, flops: null, bytes: 5 * N * D * float32 };
  return gradientCase(op, [x, weight], () => rmsNorm(x, weight, 1e-6));
}

/** SwiGLU reads gate and up and writes y; its gradient reads gate, up and dy and writes two gradients. */
function swigluCase(): OpCase {
  const F = model.intermediateSize;
  const [gate, up] = [random<tf.Rank.R2>(N, F), random<tf.Rank.R2>(N, F)];
  const op = { name: 'SwiGLU', size: `${N} x ${F}`, flops: null, bytes: 8 * N * F * float32 };
  return gradientCase(op, [gate, up], () => swiglu(gate, up));
}

/** The lower half of the scores, diagonal included, is what causal attention needs. */
function attentionCase(): OpCase {
  const q = random<tf.Rank.R4>(B, T, H, P + R);
  const kv = random<tf.Rank.R4>(B, T, H, P + V);
  const kRope = random<tf.Rank.R3>(B, T, R);
  const visibility = attentionVisibility(T, null);
  const flops = trainingFlops * B * H * ((T * (T + 1)) / 2) * (P + R + V);
  const op = { name: 'attention', size: `${B} x ${T} tokens, ${H} heads`, flops, bytes: null };
  return gradientCase(op, [q, kv, kRope], () => mlaAttention(q, kv, kRope, visibility, (P + R) ** -0.5));
}

/** Each token goes to K experts that follow each other: all experts are equally loaded. */
function expertsCase(): OpCase {
  const F = model.moeIntermediateSize;
  const [x, topkWeights] = [random<tf.Rank.R2>(N, D), random<tf.Rank.R2>(N, K)];
  const [gateUpProj, downProj] = [random<tf.Rank.R3>(E, 2 * F, D), random<tf.Rank.R3>(E, D, F)];
  const selected = Array.from({ length: N * K }, (_, i) => (Math.floor(i / K) * 5 + (i % K)) % E);
  const topkIndices = tf.tensor2d(selected, [N, K], 'int32');
  const flops = trainingFlops * N * K * 3 * D * F;
  const op = { name: 'routed experts', size: `${N} tokens, ${K} of ${E}`, flops, bytes: null };
  const forward = () => routedExperts(x, { topkIndices, topkWeights }, gateUpProj, downProj);
  return gradientCase(op, [x, topkWeights, gateUpProj, downProj], forward, [topkIndices]);
}

/** The output head and its loss in one. */
function crossEntropyCase(): OpCase {
  const [hidden, weight] = [random<tf.Rank.R2>(N, D), random<tf.Rank.R2>(Y, D)];
  const uniform = createRandom(0);
  const labels = tf.tensor1d(
    Array.from({ length: N }, () => Math.floor(uniform() * Y)),
    'int32',
  );
  const op = { name: 'cross-entropy', size: `${N} x ${D}, ${Y} tokens`, flops: trainingFlops * N * D * Y, bytes: null };
  return gradientCase(op, [hidden, weight], () => linearCrossEntropy(hidden, weight, labels), [labels]);
}

/** All parameters of the model: reads weight, gradient and both moments, writes all but the gradient. */
function adamWCase(): OpCase {
  const trained = new DeepseekV3ForCausalLM(model, 0);
  const { parameters } = trained;
  const optimizer = new AdamW(parameters, trainPreset('peer-a'));
  const gradients = new Map([...parameters].map(([name, { shape }]) => [name, random(...(shape as [number]))]));
  const scale = tf.scalar(1);
  const size = [...parameters.values()].reduce((sum, { size }) => sum + size, 0);
  return {
    name: 'AdamW',
    size: `${size} parameters`,
    flops: null,
    bytes: 7 * size * float32,
    run: () => optimizer.update(gradients, 1e-3, scale),
    dispose: () => {
      trained.dispose();
      optimizer.dispose();
      tf.dispose([scale, ...gradients.values()]);
    },
  };
}

/** Fused ops, each worth measuring where it is a kernel. */
const fusedCases: readonly { readonly op: { readonly name: string }; readonly create: () => OpCase }[] = [
  { op: rmsNormOp, create: rmsNormCase },
  { op: swigluOp, create: swigluCase },
  { op: mlaAttentionOp, create: attentionCase },
  { op: routedExpertsOp, create: expertsCase },
  { op: linearCrossEntropyOp, create: crossEntropyCase },
  { op: adamwUpdateOp, create: adamWCase },
];

/** Everything that can be measured on the running engine, one at a time: each is disposed before the next is made. */
export function* opCases(backend: EngineBackend): Generator<OpCase> {
  const creators = [
    ...products.flatMap((size) =>
      [false, true].flatMap((a) => [false, true].map((b) => () => productCase(backend, size, a, b))),
    ),
    ...fusedCases.filter(({ op }) => hasKernel(op)).map(({ create }) => create),
  ];
  for (const create of creators) {
    const op = create();
    try {
      yield op;
    } finally {
      op.dispose();
    }
  }
}

/** Fused ops without a kernel on the active backend, which are not measured. */
export function missingKernels(): string[] {
  return fusedCases.filter(({ op }) => !hasKernel(op)).map(({ op }) => op.name);
}
