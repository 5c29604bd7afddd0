import { beforeAll, expect, test } from 'vitest';
import { activateBackend } from '../../src/backends/backends.ts';
import type { EngineBackend } from '../../src/engine/backend.ts';
import { withWorkspace } from '../../src/engine/kernels/register.ts';
import { tf } from '../../src/tensor/tf.ts';

let backend: EngineBackend;

beforeAll(async () => {
  await activateBackend('engine', { threads: 1 });
  backend = tf.backend() as EngineBackend;
});

test('a kernel that throws gives its workspace back', () => {
  const before = backend.memory().used;
  const kernel = () => {
    throw new Error('index out of range');
  };
  expect(() => withWorkspace(backend, [1000, 7], kernel)).toThrow('index out of range');
  expect(backend.memory().used).toBe(before);
});

test('a workspace that does not fit leaves nothing behind', () => {
  const before = backend.memory().used;
  expect(() => withWorkspace(backend, [1000, 2 ** 31], () => {})).toThrow('memory');
  expect(backend.memory().used).toBe(before);
});
