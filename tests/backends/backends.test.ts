import { createRequire } from 'node:module';
import { beforeEach, describe, expect, it } from 'vitest';
import type { BackendName } from '../../src/backends/backend-names.ts';
import { activateBackend, probeBackends } from '../../src/backends/backends.ts';
import { UserError } from '../../src/errors.ts';
import { activeBackend } from '../../src/tensor/active-backend.ts';
import { tf } from '../../src/tensor/tf.ts';

const hasTensorFlow = (() => {
  try {
    createRequire(import.meta.url).resolve('@tensorflow/tfjs-node');
    return true;
  } catch {
    return false;
  }
})();

const message = async (name: string): Promise<string> => {
  const error = await activateBackend(name as BackendName).catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(UserError);
  return error instanceof Error ? error.message : '';
};

describe('activateBackend', () => {
  beforeEach(() => activateBackend('cpu'));

  it('makes a backend current and says whether tensors can be read without waiting', async () => {
    expect(await activateBackend('wasm')).toEqual({
      name: 'wasm',
      canReadSync: true,
      threads: null,
      engineVariant: null,
      device: null,
      warning: null,
      advice: null,
    });
    expect(activeBackend().name).toBe('wasm');
    expect(tf.getBackend()).toBe('wasm');
  });

  it('takes the engine for auto', async () => {
    expect((await activateBackend('auto')).name).toBe('engine');
  });

  it.each([
    [{ threads: 0 }, 'threads: expected a whole number from 1 to 64, found 0'],
    [{ threads: 1.5 }, 'threads: expected a whole number from 1 to 64, found 1.5'],
    [{ engineMemory: 1024 }, 'engineMemory: expected 16777216 to 4294967296 bytes, found 1024'],
    [{ engineMemory: 2 ** 25 }, 'engineMemory: the engine runs already; set its limit before its first use'],
    [
      { engineVariant: 'fast' as never },
      'engineVariant: expected one of relaxed-5x16, relaxed-6x8, simd-6x8; found fast',
    ],
  ])('says what is wrong with options of the engine: %o', async (options, message) => {
    await activateBackend('engine');
    await activateBackend('cpu');
    for (const name of ['engine', 'auto'] as const) {
      await expect(activateBackend(name, options)).rejects.toEqual(new UserError(message));
      expect(activeBackend().name).toBe('cpu');
    }
  });

  it('names the backends there are when it does not know one', async () => {
    for (const name of ['cuda', 'toString']) {
      expect(await message(name)).toBe(
        `backend: expected one of auto, engine, wasm, cpu, webgpu, tensorflow; found ${name}`,
      );
    }
  });

  it.skipIf(hasTensorFlow)(
    'says how to get tfjs-node when it is missing, and goes on with the one before',
    async () => {
      const text = await message('tensorflow');
      expect(text).toMatch(/^backend tensorflow: not available here \(.*tfjs-node.*\); to get it: `npm install /);
      expect(activeBackend().name).toBe('cpu');
      expect(tf.tidy(() => tf.add(2, 3).dataSync()[0])).toBe(5);
    },
  );

  it('goes on with the one before when a backend fails to start', async () => {
    tf.registerBackend('webgpu', () => Promise.reject(new Error('no adapter')), 0);
    expect(await message('webgpu')).toContain('backend webgpu: not available here');
    expect(tf.getBackend()).toBe('cpu');
    expect(tf.tidy(() => tf.add(2, 3).dataSync()[0])).toBe(5);
    tf.removeBackend('webgpu');
  });

  it('starts with repairs in place whichever backend came first', async () => {
    for (const name of ['wasm', 'cpu', 'wasm'] as const) {
      await activateBackend(name);
      const sum = tf.tidy(() => tf.unsortedSegmentSum([1, 2, 4], tf.tensor1d([1, 0, 1], 'int32'), 2).dataSync());
      expect(Array.from(sum)).toEqual([2, 5]);
    }
  });
});

describe('probeBackends', () => {
  it('lists every backend, the missing ones with the reason and how to get them', async () => {
    const statuses = await probeBackends();
    expect(statuses.map(({ name }) => name)).toEqual(['engine', 'wasm', 'cpu', 'webgpu', 'tensorflow']);
    for (const { name, available, detail, howToGet } of statuses) {
      if (name === 'engine' || name === 'wasm' || name === 'cpu') expect(available).toBe(true);
      if (available) continue;
      expect(detail, name).not.toBe('');
      expect(howToGet).not.toBeNull();
    }
  });
});
