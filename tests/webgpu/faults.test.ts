// What goes wrong with a GPU: the run ends with a message that says what to do, and with its last checkpoint whole.

import { execFile } from 'node:child_process';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { activateBackend } from '../../src/backends/backends.ts';
import { UserError } from '../../src/errors.ts';
import { memoryStore } from '../../src/runs/memory-store.ts';
import { tf } from '../../src/tensor/tf.ts';
import type { TrainEvent } from '../../src/train/events.ts';
import { resumeRun, train } from '../../src/train/trainer.ts';
import { Commands } from '../../src/webgpu/commands.ts';
import { runningWebGpu } from '../../src/webgpu/running.ts';
import { label, seaDocuments } from '../runs/nano-run.ts';
import { nanoModel, nanoTrain } from '../train/nano.ts';
import { whyNoGpu } from './software-gpu.ts';

const missing = await whyNoGpu();

/** A device whose errors are made up. */
function fakeDevice() {
  let tell: (event: object) => void = () => {};
  const addEventListener = (_: string, listener: typeof tell) => {
    tell = listener;
  };
  const device = { addEventListener, lost: new Promise(() => {}) } as unknown as GPUDevice;
  return { commands: new Commands(device), fail: (error: object) => tell({ error, preventDefault: () => {} }) };
}

describe('errors of a device', () => {
  it('are told once, the first of several, and those of memory with a remedy', () => {
    class GPUOutOfMemoryError extends Error {}
    const { commands, fail } = fakeDevice();
    fail(new GPUOutOfMemoryError('no memory for 4 GB'));
    fail(new Error('[Buffer] is invalid')); // what uses the missing buffer is refused too
    const thrown = () => commands.throwProblem();
    expect(thrown).toThrow(/no memory left \(no memory for 4 GB\); take a smaller batchSize/);
    expect(thrown).not.toThrow();
    fail(new Error('[ShaderModule "Linear"] is invalid'));
    expect(thrown).toThrow('webgpu: [ShaderModule "Linear"] is invalid');
  });
});

describe('faults of a GPU', () => {
  if (missing !== null) {
    // A user's machine need not have a driver. CI installs one in software, so this is never skipped there.
    it.skip(`are not tested: ${missing}`);
    return;
  }
  beforeAll(() => activateBackend('webgpu'));
  afterAll(() => tf.removeBackend('webgpu'));

  it('a device that is lost ends the run, whose checkpoint is whole: it goes on from there on a new device', async () => {
    const model = { ...nanoModel, numHiddenLayers: 1, numNextnPredictLayers: 0 };
    const settings = { ...nanoTrain, batchSize: 2, steps: 5, checkpointEvery: 2, emaDecay: 0.9 };
    const store = memoryStore();
    const onEvent = (event: TrainEvent) => {
      if (label(event) === 'step 3') runningWebGpu()!.commands.device.destroy();
    };
    const options = { model, train: settings, backend: 'webgpu', documents: seaDocuments().slice(0, 6) } as const;
    const lost: unknown = await train({ ...options, store, onEvent }).catch((error: unknown) => error);
    expect(lost).toBeInstanceOf(UserError);
    expect(String(lost)).toMatch(
      /webgpu: the device was lost .* resume the run, or take --backend engine; the last good checkpoint is .*step-00000002/,
    );
    const device = runningWebGpu()!.commands.device;
    const { steps, finished } = await resumeRun({ store, documents: options.documents });
    expect({ steps, finished }).toEqual({ steps: 5, finished: true });
    expect(runningWebGpu()!.commands.device).not.toBe(device);
  });

  it('a machine without an adapter says how to get one', async () => {
    const { gpu } = Reflect.get(globalThis, 'navigator') as { gpu: GPU };
    const { device } = runningWebGpu()!.commands;
    device.destroy();
    await device.lost;
    const request = vi.spyOn(gpu, 'requestAdapter').mockResolvedValue(null);
    const thrown: unknown = await activateBackend('webgpu').catch((error: unknown) => error);
    request.mockRestore();
    expect(thrown).toBeInstanceOf(UserError);
    expect(String(thrown)).toContain(
      'not available here (it found no device to run on); to get it: `npm install webgpu`',
    );
    await activateBackend('webgpu');
  });

  it.each(['ends', 'is ended', 'fails'])('a process that %s while the GPU computes exits cleanly', async (how) => {
    const child = resolve(import.meta.dirname, 'exit-child.ts');
    const { VK_ICD_FILENAMES: _ours, ...env } = process.env; // the child finds its own
    const ended = await promisify(execFile)(process.execPath, [child, how], { env }).then(
      ({ stdout, stderr }) => ({ code: 0, signal: null, stdout, stderr }),
      (error: { code: number | null; signal: string | null; stdout: string; stderr: string }) => error,
    );
    expect([ended.code, ended.signal]).toEqual([{ ends: 0, 'is ended': 3, fails: 1 }[how], null]);
    expect(ended.stdout).toBe('computing\n');
    expect(ended.stderr).not.toMatch(/assert|pthread|abort/i);
  });
});
