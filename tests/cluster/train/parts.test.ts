// The parts that training over ranks is made of, one by one.

import { MessageChannel, Worker } from 'node:worker_threads';
import { beforeAll, describe, expect, it } from 'vitest';
import { activateBackend } from '../../../src/backends/backends.ts';
import { bfloat16Rows, float8Rows, float32Rows, type RowFormat } from '../../../src/cluster/experts/row-format.ts';
import { splitLayers } from '../../../src/cluster/pipeline/stage-layers.ts';
import { Mailbox, OtherRankFailed, type Payload, ringAll, shared } from '../../../src/cluster/ranks/mailbox.ts';
import { createSchedule } from '../../../src/cluster/schedule/schedules.ts';
import { blockSquares, normOfSquares } from '../../../src/cluster/zero/block-squares.ts';
import { OrderedSum } from '../../../src/cluster/zero/ordered-sum.ts';
import { planShards } from '../../../src/cluster/zero/shards.ts';
import { e4m3, roundTo } from '../../../src/precision/formats.ts';
import { normalArray } from '../../../src/tensor/random.ts';
import { tf } from '../../../src/tensor/tf.ts';
import { globalNorm } from '../../../src/train/clip.ts';
import type { Traveller } from './traveller.ts';

beforeAll(() => activateBackend('engine', { threads: 1 }));

describe('splitLayers', () => {
  it('gives the first stages one more layer where they do not divide', () => {
    expect(splitLayers(5, 3)).toEqual([
      { from: 0, to: 2 },
      { from: 2, to: 4 },
      { from: 4, to: 5 },
    ]);
  });
});

describe('Mailbox', () => {
  function pair() {
    const { port1, port2 } = new MessageChannel();
    const bells = new SharedArrayBuffer(12);
    const conductor = new MessageChannel();
    return {
      bells: new Int32Array(bells),
      a: new Mailbox({ rank: 0, ports: [null, port1, conductor.port1], bells }),
      b: new Mailbox({ rank: 1, ports: [port2, null, conductor.port2], bells }),
      close: () => [port1, port2, conductor.port1, conductor.port2].forEach((port) => void port.close()),
    };
  }
  const numbers = (...values: number[]): Payload => [shared(Float32Array.from(values))];

  it('finds messages by their tag, in whatever order they came, and those of one tag in order', () => {
    const { a, b, close } = pair();
    a.send(1, 'x', numbers(1), 'pipeline');
    a.send(1, 'y', numbers(2), 'pipeline');
    a.send(1, 'x', numbers(3), 'pipeline');
    expect(b.receive(0, 'y')).toEqual(numbers(2));
    expect(b.receive(0, 'x')).toEqual(numbers(1));
    expect(b.receive(0, 'x')).toEqual(numbers(3));
    close();
  });

  it('counts bytes to others by purpose, and none to itself', () => {
    const { a, close } = pair();
    a.send(1, 'x', numbers(1, 2, 3), 'gradients');
    a.send(0, 'x', numbers(4), 'gradients');
    expect(a.receive(0, 'x')).toEqual(numbers(4));
    expect(a.sent).toEqual({ pipeline: 0, experts: 0, gradients: 12, parameters: 0 });
    close();
  });

  it('does not wait for ever once a rank has failed', () => {
    const { a, bells, close } = pair();
    ringAll(bells);
    expect(() => a.receive(1, 'x')).toThrow(OtherRankFailed);
    close();
  });
});

describe('OrderedSum', () => {
  const tensor = (value: number) => [tf.tensor1d([value])];
  const firstOf = (sum: OrderedSum) => sum.take()[0]!.dataSync()[0];
  // (2^24 + 1) + 1 is 2^24 in float32, and 2^24 + (1 + 1) is not.
  const big = 2 ** 24;

  it('adds micro-batches in their order, however they come', () => {
    const sum = new OrderedSum(0);
    sum.add(2, tensor(1));
    sum.add(1, tensor(1));
    sum.add(0, tensor(big));
    expect(firstOf(sum)).toBe(big);
  });

  it('waits for the sum of those before the first one', () => {
    const sum = new OrderedSum(4);
    sum.add(4, tensor(1));
    sum.add(5, tensor(1));
    sum.begin(tensor(big));
    expect(firstOf(sum)).toBe(big);
  });

  it('does not give a sum that lacks something', () => {
    const sum = new OrderedSum(0);
    sum.add(0, tensor(1));
    sum.add(2, tensor(1));
    expect(() => sum.take()).toThrow('missing');
  });
});

describe('blockSquares', () => {
  it('contract: gives the norm the bits that the kernel of the engine gives it', () => {
    const sizes = [1, 7, 8, 511, 512, 513, 16384, 16385, 40961];
    const values = sizes.map((size) => normalArray(size, 3, size));
    const expected = globalNorm(values.map((data) => tf.tensor1d(data))).dataSync()[0];
    expect(normOfSquares(values.flatMap(blockSquares))).toBe(expected);
  });
});

describe('planShards', () => {
  const shapes = Array.from({ length: 8 }, (_, i) => [
    { name: `model.layers.${i}.self_attn.o_proj.weight`, shape: [7, 3 + i], stage: Math.floor(i / 2) },
    { name: `model.layers.${i}.mlp.experts.gate_up_proj`, shape: [4, 6, 5], stage: Math.floor(i / 2) },
  ]).flat();

  it('property: the owner of every tensor is one that holds it, and experts are divided', () => {
    const layout = { pp: 4, ep: 2, dp: 2 };
    const shards = planShards(shapes, layout, createSchedule('dualpipe', 4, 8));
    for (const { holders, owner, shape, name, expertPlace } of shards) {
      expect(holders.flat()).toContain(owner);
      // Two ranks of a pipeline hold each stage; all four replicas hold what is not an expert, and two the same
      // experts.
      expect(holders.map((ranks) => ranks.length)).toEqual(new Array(expertPlace === null ? 4 : 2).fill(2));
      if (name.includes('experts')) expect(shape[0]).toBe(2);
    }
    expect(shards).toHaveLength(8 * 3);
  });
});

describe('rows in messages', () => {
  const [rows, width] = [3, 131]; // more than a tile, and not a whole number of them
  const values = normalArray(rows * width, 5, 1);
  const trip = (format: RowFormat) => format.read(format.write(values, width), width);

  it('are the same in float32, and rounded in BF16', () => {
    expect(trip(float32Rows)).toEqual(values);
    const worst = trip(bfloat16Rows).map((value, i) => Math.abs(value / values[i]! - 1));
    expect(Math.max(...worst)).toBeLessThanOrEqual(2 ** -8); // half of the last of 8 bits
  });

  it('are multiples of a power of two for each 128 numbers in FP8, a byte each', () => {
    const [codes, scales] = float8Rows.write(values, width);
    expect([codes!.byteLength, scales!.byteLength]).toEqual([rows * width, rows * 2]);
    const read = trip(float8Rows);
    for (let i = 0; i < values.length; i++) {
      const tile = scales![Math.floor(i / width) * 2 + Math.floor((i % width) / 128)]!;
      const scale = 2 ** (tile - 127);
      expect(read[i]).toBe(roundTo(values[i]! / scale, e4m3) * scale);
      expect(Math.abs(values[i]! / scale)).toBeLessThanOrEqual(e4m3.max);
    }
  });

  it('keep zeros, and amounts at which a scale is exact', () => {
    const edge = Float32Array.of(0, 448, -448);
    expect(float8Rows.read(float8Rows.write(edge, 3), 3)).toEqual(edge);
    const zeros = new Float32Array(5);
    expect(float8Rows.read(float8Rows.write(zeros, 5), 5)).toEqual(zeros);
  });
});

describe('tokens on their way', () => {
  // Eight experts in two groups, which are nodes of two ranks; K = 3.
  const layout = { pp: 1, ep: 4, dp: 1 };
  const chosen = [
    [
      [0, 1, 2],
      [4, 5, 6],
      [0, 7, 3],
    ],
    [[7, 6, 5]],
    [],
    [
      [2, 3, 4],
      [1, 0, 2],
    ],
  ] as const;
  const K = 3;

  /** Each rank in a thread of its own; see `traveller.ts`. */
  async function travel(): Promise<Traveller[]> {
    const bells = new SharedArrayBuffer(5 * 4);
    const channels = chosen.map((_, a) => chosen.map((_, b) => (a < b ? new MessageChannel() : null)));
    return Promise.all(
      chosen.map((tokens, rank) => {
        const ports = chosen.map((_, other) =>
          rank < other ? channels[rank]![other]!.port1 : (channels[other]?.[rank]?.port2 ?? null),
        );
        const workerData = { wiring: { rank, ports: [...ports, null], bells }, layout, tokens: tokens.flat(), K };
        const transferList = ports.filter((port) => port !== null);
        const worker = new Worker(new URL('./traveller.ts', import.meta.url), {
          workerData,
          transferList,
          execArgv: [],
        });
        return new Promise<Traveller>((done, failed) => {
          worker.once('message', done);
          worker.once('error', failed);
        });
      }),
    );
  }

  it('reach every expert once, one copy a node, and come back added up', async () => {
    const travellers = await travel();
    const token = (rank: number, n: number) => 10 * rank + n + 1;
    for (const [rank, { arrived }] of travellers.entries()) {
      const expected = chosen.flatMap((tokens, from) =>
        tokens.flatMap((experts, n) =>
          experts.filter((e) => Math.floor(e / 2) === rank).map((e) => `token ${token(from, n)} expert ${e}`),
        ),
      );
      expect(arrived.toSorted()).toEqual(expected.toSorted());
    }
    // Each expert e adds (e + 1) times the token; all come back to where it is from.
    expect(travellers.map(({ back }) => back)).toEqual(
      chosen.map((tokens, rank) =>
        tokens.map((experts, n) => experts.reduce<number>((sum, e) => sum + (e + 1) * token(rank, n), 0)),
      ),
    );
    // Gates arrive with the pairs, and their gradients come back to their slots.
    expect(travellers.map(({ gates }) => gates)).toEqual(
      chosen.map((tokens, rank) => tokens.flatMap((_, n) => [0, 1, 2].map((k) => 2 * (100 * token(rank, n) + k)))),
    );
    // Copies of tokens between nodes: one for each node that a token has experts on, besides its own.
    const copies = chosen.map(
      (tokens, rank) =>
        tokens.filter((experts) => experts.some((e) => Math.floor(e / 4) !== Math.floor(rank / 2))).length,
    );
    expect(travellers.map(({ bytesOfTokens }) => bytesOfTokens)).toEqual(copies.map((count) => count * 4));
  });
});
