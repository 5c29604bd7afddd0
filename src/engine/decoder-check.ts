// A decoder's kernels in the checks at start-up: a small model of random weights, whose passes of one, two and three
// tokens go through different kernels and must give the same bits.
//
// It is also what makes the first tokens of a process come fast: V8 has optimised these kernels by then.

import { type Address, nowhere, plus } from './address.ts';
import { decodeLayer, decodeModel, decodeRow } from './decode-layout.ts';
import type { Exports } from './exports.ts';
import { type Layout, type RecordOf, wordsOf, writeRecords } from './layout.ts';

const tokens = [5, 11, 3];

const sizes = {
  ...{ hidden: 64, heads: 2, nope: 16, rope: 16, value: 16, latent: 32, query: 32 },
  ...{ experts: 8, perToken: 4, groups: 4, keptGroups: 2, expertWidth: 32, vocabulary: 64 },
};

/** Bytes of the weights: all matrices begin at the same place, and the experts' take most. */
const weightBytes = 2 * sizes.experts * 2 * sizes.expertWidth * sizes.hidden * 4;
/** Bytes of everything else that a pass reads or writes, each: enough for its rows. */
const spaceBytes = 4096;

/** Where what a pass reads or writes lies, by number. */
const names = [
  ...(['x', 'normed', 'joined', 'compressed', 'queries', 'latentQueries', 'latentValues', 'values'] as const),
  ...(['logits', 'indices', 'scores', 'gates', 'selectSpace', 'offsets', 'tokens', 'slots', 'busy'] as const),
  ...(['active', 'routedActive', 'unpacked'] as const),
];
const records = ['model', 'layers', 'rows', 'cache', 'out'] as const;

/** Bytes that `checkDecoder` needs. */
export const decoderCheckBytes: number = weightBytes + (names.length + records.length) * spaceBytes;

/** A model at `at`, and its passes. */
export function smallDecoder(exports: Exports, memory: WebAssembly.Memory, at: Address) {
  const [integers, floats] = [new Int32Array(memory.buffer), new Float32Array(memory.buffer)];
  const space = (index: number) => plus(at, weightBytes + index * spaceBytes);
  const [model, layers, rows, cache, out] = records.map((_, i) => space(names.length + i)) as [
    ...[Address, Address, Address, Address, Address],
  ];
  const write = <L extends Layout>(to: Address, layout: L, values: readonly RecordOf<L>[]) => {
    const [start, end] = [to / 4, to / 4 + values.length * wordsOf(layout)];
    writeRecords({ integers: integers.subarray(start, end), floats: floats.subarray(start, end) }, layout, values);
  };
  for (let i = 0; i < weightBytes / 4; i++) floats[at / 4 + i] = ((i * 2654435761) % 4096) / 8192 - 0.25;
  const workspace = Object.fromEntries(names.map((name, i) => [name, space(i)])) as Record<
    (typeof names)[number],
    Address
  >;
  const routed = { router: at, bias: at, expertGateUp: at, expertDown: at };
  const dense = { router: nowhere, bias: nowhere, expertGateUp: nowhere, expertDown: nowhere };
  const layer = {
    ...{ inputNorm: at, compress: at, queryNorm: at, latentNorm: at, queryUp: at, keyUp: at, valueUp: at },
    ...{ output: at, postNorm: at, width: sizes.hidden, gateUp: at, down: at },
  };
  write(layers, decodeLayer, [
    { ...layer, ...dense },
    { ...layer, ...routed },
  ]);
  write(model, decodeModel, [
    {
      ...sizes,
      ...{ softmax: false, normalise: true, multiplicative: false, neighbours: true },
      ...{ normedHidden: true, embeddingFirst: true },
      ...{ eps: 1e-6, latentEps: 1e-6, attentionScale: 0.2, routedScale: 2.5, format: 0, plainFormat: 0 },
      ...{ cos: at, sin: plus(at, 4096), embedding: at, norm: at, head: at, layers, layerCount: 2 },
      ...{ embeddingNorm: nowhere, hiddenNorm: nowhere, project: nowhere, headNorm: nowhere },
      ...workspace,
      unpackedBytes: 0,
    },
  ]);
  /** The logits of all tokens, run so many at a time. */
  return (each: number): Float32Array => {
    const logits = new Float32Array(tokens.length * sizes.vocabulary);
    for (let start = 0; start < tokens.length; start += each) {
      const own = tokens.slice(start, start + each).map((token, i) => ({
        ...{ token, position: start + i, cache, layerBytes: spaceBytes / 2 },
        ...{ hiddenIn: nowhere, hiddenOut: nowhere, wantsLogits: true },
      }));
      write(rows, decodeRow, own);
      exports.decodeMain(model, rows, own.length, out);
      const end = out / 4 + own.length * sizes.vocabulary;
      logits.set(floats.subarray(out / 4, end), start * sizes.vocabulary);
    }
    return logits;
  };
}

/** What is wrong with the passes of a small decoder; null if nothing is. */
export function checkDecoder(pass: (each: number) => Float32Array): string | null {
  const [alone, ...others] = [1, 2, 3].map(pass) as [Float32Array, ...Float32Array[]];
  const differ = others.some((logits) => logits.some((logit, i) => logit !== alone[i]));
  return differ ? 'wrong logits: passes of one, two and three tokens differ' : null;
}
