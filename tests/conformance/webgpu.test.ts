import { afterAll, describe, expect, it } from 'vitest';
import { activateBackend } from '../../src/backends/backends.ts';
import { routeTokens } from '../../src/ops/router.ts';
import { tf } from '../../src/tensor/tf.ts';
import { howToInstall } from '../peers/load-peer.ts';
import { nanoModel } from '../train/nano.ts';
import { useSoftwareVulkan } from './software-vulkan.ts';
import { conformanceSuite, reasonMissing } from './suite.ts';

useSoftwareVulkan();
const missing = await reasonMissing(
  'webgpu',
  `; in a clone: ${howToInstall}; without a GPU, in software: apt-get install chromium`,
);
const dispatches = missing === null ? countDispatches() : () => 0;

// WGSL allows exp, log and division a few units in the last place each, and shaders reorder sums.
conformanceSuite('webgpu', { tolerance: 2e-4, missing, work: dispatches });

describe('shaders', () => {
  if (missing !== null) {
    // Without a driver there is nothing to dispatch to; the run counts and names what it did not test.
    it.skip(`are not tested: ${missing}`);
    return;
  }
  afterAll(() => tf.removeBackend('webgpu'));

  it('compute small tensors too, which TF.js would leave to the cpu backend', async () => {
    await activateBackend('webgpu');
    expect(tf.env().getBool('WEBGPU_CPU_FORWARD')).toBe(false);
    const before = dispatches();
    const sum = tf.tidy(() => tf.add(tf.scalar(2), tf.scalar(3)));
    expect([...(await sum.data())]).toEqual([5]);
    expect(dispatches()).toBe(before + 1);
    sum.dispose();
  });

  it('keep -Infinity as it is: written, chosen and sorted', async () => {
    const found = tf.tidy(() => {
      const low = tf.fill([1, 7], Number.NEGATIVE_INFINITY);
      const x = tf.tensor2d([[-3, 5, -1, -9, 2, -1, 0]]);
      const masked = tf.where(tf.equal(tf.tensor2d([[1, 0, 1, 1, 0, 1, 0]]), 1), x, low);
      return [masked, tf.topk(masked, 4).indices] as const;
    });
    const [masked, indices] = await Promise.all(found.map((t) => t.data()));
    const out = Number.NEGATIVE_INFINITY;
    expect([...masked!]).toEqual([-3, out, -1, -9, out, -1, out]);
    expect([...indices!]).toEqual([2, 5, 0, 3]);
    tf.dispose([...found]);
  });

  it('give ties to the expert with the smaller index, within and across groups', async () => {
    const config = { ...nanoModel, nRoutedExperts: 12, nGroup: 4, topkGroup: 2, numExpertsPerTok: 5 };
    const topkIndices = tf.tidy(() => routeTokens(tf.zeros([3, 12]), tf.zeros([12]), config).topkIndices);
    expect([...(await topkIndices.data())]).toEqual([0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 0, 1, 2, 3, 4]);
    topkIndices.dispose();
  });
});

/** Counts the shader dispatches of this process from now on. */
function countDispatches(): () => number {
  let count = 0;
  const { prototype } = GPUComputePassEncoder;
  const original = prototype.dispatchWorkgroups;
  prototype.dispatchWorkgroups = function (this: GPUComputePassEncoder, ...args) {
    count++;
    return original.apply(this, args);
  };
  return () => count;
}
