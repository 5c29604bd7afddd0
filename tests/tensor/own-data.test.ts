import { describe, expect, it } from 'vitest';
import { activateBackend } from '../../src/backends/backends.ts';
import { ownData } from '../../src/tensor/own-data.ts';
import { tf } from '../../src/tensor/tf.ts';

describe.each(['cpu', 'wasm', 'engine'] as const)('ownData on %s', (backend) => {
  it('parts a variable from its clones, with the same values and no tensor more', async () => {
    await activateBackend(backend);
    const variable = tf.tidy(() => tf.variable(tf.tensor1d([1, -0, Number.NaN])));
    const clone = variable.clone();
    expect(variable.dataId).toBe(clone.dataId);
    const before = tf.memory().numTensors;
    ownData(variable);
    expect(variable.dataId).not.toBe(clone.dataId);
    expect(variable.dataSync()).toEqual(clone.dataSync());
    expect(tf.memory().numTensors).toBe(before);
    tf.dispose([variable, clone]);
  });

  it('leaves a variable alone that shares nothing', async () => {
    await activateBackend(backend);
    const variable = tf.tidy(() => tf.variable(tf.tensor1d([1, 2])));
    const { dataId } = variable;
    ownData(variable);
    expect(variable.dataId).toBe(dataId);
    variable.dispose();
  });
});
