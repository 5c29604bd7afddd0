// How much a step asks of a GPU, at the sizes of the comparison with PyTorch. Values are tested elsewhere.

import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { activateBackend } from '../../src/backends/backends.ts';
import { benchStep, type StepBench } from '../../src/bench/step.ts';
import { modelPreset, trainPreset } from '../../src/config/presets.ts';
import { tf } from '../../src/tensor/tf.ts';
import { useIdleGpu } from './idle-gpu.ts';

useIdleGpu();

const bench = (preset: string) => benchStep(modelPreset(preset), trainPreset(preset), 4);

describe('a recorded training step', () => {
  beforeAll(async () => {
    await activateBackend('webgpu');
  });

  it('holds at most 1.5 times the memory of the engine', async () => {
    const gpu = await bench('peer-a');
    await activateBackend('engine', { threads: 1 });
    const before = used();
    const onEngine: StepBench = await bench('peer-a');
    expect(onEngine.dispatches).toBeUndefined();
    const engineBytes = used() - before;
    await activateBackend('webgpu');
    expect(gpu.bytesAllocated).toBeLessThanOrEqual(1.5 * engineBytes);
  });

  it('takes at most 300 dispatches, one submission, one read-back and no new buffer at peer-a', async () => {
    const gpu = await bench('peer-a');
    expect(gpu.dispatches).toBeLessThanOrEqual(300);
    expect(gpu).toMatchObject({ submits: 1, readbacks: 1, buffersCreated: 0 });
    const page = readFileSync('docs/webgpu.md', 'utf8').replaceAll(/\s+/g, ' ');
    expect(page).toContain(`${gpu.dispatches} dispatches, one submission`);
  });

  it.each(['peer-s', 'peer-b', 'tiny'])('makes no new buffer and waits once at %s', async (preset) => {
    const gpu = await bench(preset);
    expect(gpu).toMatchObject({ submits: 1, readbacks: 1, buffersCreated: 0 });
  });
});

/** Bytes that the engine has reserved. */
const used = () => (tf.memory() as unknown as { reserved: number }).reserved;
