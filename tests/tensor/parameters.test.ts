import { beforeAll, describe, expect, it } from 'vitest';
import { activateBackend } from '../../src/backends/backends.ts';
import type { NamedTensor } from '../../src/tensor/named-tensor.ts';
import { ParameterStore } from '../../src/tensor/parameters.ts';
import { tf } from '../../src/tensor/tf.ts';

function makeStore(seed = 7): ParameterStore {
  const store = new ParameterStore(seed, 0.02);
  store.weight('a.weight', [3, 5]);
  store.ones('a.norm', 5);
  store.buffer('a.bias', 2, 0.5);
  return store;
}

async function valuesOf(store: ParameterStore): Promise<Record<string, number[]>> {
  return Object.fromEntries((await store.export()).map(({ name, data }) => [name, Array.from(data)]));
}

describe('ParameterStore', () => {
  beforeAll(() => activateBackend('cpu'));

  it('draws a weight from its seed and name, not from the order of creation', async () => {
    const [one, other] = [new ParameterStore(7, 0.02), new ParameterStore(7, 0.02)];
    one.weight('a', [11]);
    one.weight('b', [13]);
    other.weight('b', [13]);
    other.weight('a', [11]);
    expect(await valuesOf(one)).toEqual(await valuesOf(other));
    const different = new ParameterStore(8, 0.02);
    different.weight('a', [11]);
    expect((await valuesOf(different)).a).not.toEqual((await valuesOf(one)).a);
    for (const store of [one, other, different]) store.dispose();
  });

  it('keeps buffers apart from parameters and exports them last', async () => {
    const store = makeStore();
    expect([...store.parameters.keys()]).toEqual(['a.weight', 'a.norm']);
    expect([...store.buffers.keys()]).toEqual(['a.bias']);
    expect([...store.parameters.values()].every(({ trainable }) => trainable)).toBe(true);
    expect(store.buffers.get('a.bias')?.trainable).toBe(false);
    const exported = await store.export();
    expect(exported.map(({ name, shape }) => [name, shape])).toEqual([
      ['a.weight', [3, 5]],
      ['a.norm', [5]],
      ['a.bias', [2]],
    ]);
    store.dispose();
  });

  it('exports copies: later changes do not reach them', async () => {
    const store = makeStore();
    const [{ data }] = (await store.export()) as [NamedTensor];
    const before = Array.from(data);
    tf.tidy(() => store.parameters.get('a.weight')?.assign(tf.zeros([3, 5])));
    expect(Array.from(data)).toEqual(before);
    store.dispose();
  });

  it('imports what it exported', async () => {
    const [from, to] = [makeStore(1), makeStore(2)];
    to.import(await from.export());
    expect(await valuesOf(to)).toEqual(await valuesOf(from));
    from.dispose();
    to.dispose();
  });

  it('refuses unknown names, other shapes, missing and repeated values', async () => {
    const store = makeStore();
    const [weight, norm, bias] = (await store.export()) as [NamedTensor, NamedTensor, NamedTensor];
    expect(() => store.import([{ ...weight, name: 'b.weight' }, norm, bias])).toThrow('b.weight [3,5] does not fit');
    expect(() => store.import([{ ...weight, shape: [5, 3] }, norm, bias])).toThrow('a.weight [5,3] does not fit');
    expect(() => store.import([weight, bias])).toThrow('no values for a.norm');
    expect(() => store.import([weight, weight, norm, bias])).toThrow('a.weight [3,5] does not fit');
    store.dispose();
  });

  it('leak: import leaves the number of tensors as it was, dispose gives all of them back', async () => {
    const before = tf.memory().numTensors;
    const store = makeStore();
    expect(tf.memory().numTensors).toBe(before + 3);
    store.import(await store.export());
    expect(tf.memory().numTensors).toBe(before + 3);
    store.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });
});
