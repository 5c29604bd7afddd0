// How much a step asks of a GPU, at the sizes of the comparison with PyTorch. Values are tested elsewhere.

import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { activateBackend } from '../../src/backends/backends.ts';
import { benchStep, type StepBench } from '../../src/bench/step.ts';
import { modelPreset, trainPreset } from '../../src/config/presets.ts';
import { createDecoder } from '../../src/generate/decoder/create-decoder.ts';
import { DeepseekV3ForCausalLM } from '../../src/model/causal-lm.ts';
import { tf } from '../../src/tensor/tf.ts';
import { runningWebGpu } from '../../src/webgpu/running.ts';
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

describe('decoding', () => {
  const page = readFileSync('docs/webgpu.md', 'utf8').replaceAll(/\s+/g, ' ');
  const filters = { temperature: 0, topK: 0, topP: 1, minP: 0 };

  /** What each of `rounds` rounds after a prompt asks of the GPU, for so many texts at once. */
  async function roundsOf(preset: string, texts: number, rounds: number, drafts: number) {
    await activateBackend('webgpu');
    const model = new DeepseekV3ForCausalLM(modelPreset(preset), 0);
    const decoder = createDecoder(model, { slots: texts, drafts: drafts > 0 });
    const inputs = Array.from({ length: texts }, (_, slot) => ({ slot, token: 1, filters, random: () => 0 }));
    await decoder.forward(inputs.map(({ slot }) => ({ slot, tokens: [1, 2, 3], logits: 'last' })));
    await decoder.writer!.write(inputs, rounds, drafts);
    const before = { ...runningWebGpu()!.work };
    await decoder.writer!.write(inputs, rounds, drafts);
    const { work } = runningWebGpu()!;
    decoder.dispose();
    model.dispose();
    return {
      dispatches: (work.dispatches - before.dispatches) / rounds,
      submits: work.submits - before.submits,
      readbacks: work.readbacks - before.readbacks,
      buffersCreated: work.buffersCreated - before.buffersCreated,
    };
  }

  it.each([1, 7])(
    'takes 30 dispatches a token at peer-a, and one submission for all tokens: %i texts',
    async (texts) => {
      // Six for the dense layer, seven for each other; embedding, head and the choice of the token.
      const once = { submits: 1, readbacks: 1, buffersCreated: 0 };
      expect(await roundsOf('peer-a', texts, 16, 0)).toEqual({ dispatches: 30, ...once });
    },
  );

  it('takes 12 dispatches more for a draft', async () => {
    const [plain, drafted] = [await roundsOf('tiny', 1, 8, 0), await roundsOf('tiny', 1, 8, 1)];
    expect(drafted).toEqual({ ...plain, dispatches: plain.dispatches + 12 });
    expect(page).toContain('A draft takes 12 dispatches more.');
  });
});

describe('the cache', () => {
  it('that is more than the adapter binds is refused with what to do', async () => {
    await activateBackend('webgpu');
    const model = new DeepseekV3ForCausalLM(modelPreset('tiny'), 0);
    const decoder = createDecoder(model, { slots: 2 ** 17 });
    const pass = decoder.forward([{ slot: 0, tokens: [1], logits: 'last' }]);
    await expect(pass).rejects.toThrow(/this adapter binds at most \d+; use fewer sequences at once/);
    decoder.dispose();
    model.dispose();
  });
});

/** Bytes that the engine has reserved. */
const used = () => (tf.memory() as unknown as { reserved: number }).reserved;
