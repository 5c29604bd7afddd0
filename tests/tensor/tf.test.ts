// TF.js is taken by its parts: what the union package would have registered has to be there all the same.

import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { tf } from '../../src/tensor/tf.ts';

const core = dirname(fileURLToPath(import.meta.resolve('@tensorflow/tfjs-core')));

/** What a pattern finds in the files of one of the core's folders, sorted. */
function found(folder: string, ending: string, pattern: RegExp): string[] {
  const files = readdirSync(join(core, folder)).filter((name) => name.endsWith(ending));
  const texts = files.map((name) => readFileSync(join(core, folder, name), 'utf8'));
  return texts.flatMap((text) => [...text.matchAll(pattern)].map(([, name]) => name ?? '')).sort();
}

describe("TF.js's core", () => {
  it('has the gradient of every op that has one', () => {
    const kernels = found('gradients', '_grad.js', /kernelName: (\w+),/g);
    expect(kernels.length).toBeGreaterThan(100);
    const names = tf as unknown as Record<string, string>;
    expect(kernels.filter((kernel) => tf.getGradient(names[kernel] ?? kernel) === undefined)).toEqual([]);
  });

  it('has every op that is a method of a tensor', () => {
    const methods = found('public/chained_ops', '.d.ts', /^ {8}(\w+)[<(]/gm);
    expect(methods.length).toBeGreaterThan(130);
    expect(methods.filter((method) => !(method in tf.Tensor.prototype))).toEqual([]);
  });

  it('is there once: methods and gradients make the same tensors on the same engine', () => {
    const before = tf.engine().memory().numTensors;
    const gradient = tf.tidy(() => tf.grad((x) => x.square().sum())(tf.tensor1d([2, 3, 5])));
    expect(tf.engine().memory().numTensors).toBe(before + 1);
    expect(gradient.constructor).toBe(tf.Tensor);
    expect([...gradient.dataSync()]).toEqual([4, 6, 10]);
    gradient.dispose();
    const text = readFileSync(new URL('../../src/tensor/tfjs-registrations.js', import.meta.url), 'utf8');
    expect(text.match(/^class \w+/gm)).toBeNull();
  });

  it('brings the cpu backend, and none that nobody asked for', () => {
    const backends = ['cpu', 'webgl', 'wasm', 'webgpu', 'tensorflow'];
    expect(backends.filter((name) => tf.engine().registryFactory[name] !== undefined)).toEqual(['cpu']);
  });
});
