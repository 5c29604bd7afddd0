import { describe, expect, it } from 'vitest';
import { blockLines, liveProgress } from '../../src/cli/progress/live.ts';
import { plainProgress } from '../../src/cli/progress/plain.ts';
import { displayWidth } from '../../src/cli/terminal/cells.ts';
import { colorsFor } from '../../src/cli/terminal/colors.ts';
import { modelPreset, trainPreset } from '../../src/config/presets.ts';
import type { LayerLoad, TrainEvent } from '../../src/train/events.ts';

type StepEvent = Extract<TrainEvent, { type: 'step' }>;

const noColors = colorsFor({ isTTY: false });

function layerLoad(layer: number, counts: readonly number[], maxVio: number): LayerLoad {
  return { layer, counts, maxVio, minVio: 0.5, avgVio: 0.5, deadExperts: 0, bias: counts.map(() => 0) };
}

function stepEvent(step: number, steps: number): StepEvent {
  return {
    type: 'step',
    step,
    steps,
    loss: 3.25,
    tokensPerSecond: 12_345,
    secondsLeft: 125,
    load: [layerLoad(1, [10, 10, 10, 10], 0), layerLoad(2, [20, 10, 10, 0], 1)],
    metrics: { step, tokens: 0, seconds: 0 },
  };
}

const startEvent: TrainEvent = {
  type: 'start',
  runDir: 'runs/a-rather-long-name-of-a-run-folder-20260101-120000',
  model: modelPreset('tiny'),
  train: trainPreset('tiny'),
  backend: 'wasm',
  threads: null,
  engineVariant: null,
  device: null,
  parameters: 1_234_567,
  activeParameters: 543_210,
  trainTokens: 312_000,
  brotliBitsPerByte: 2.5,
  startStep: 0,
};

function collected() {
  const written: string[] = [];
  return { written, write: (text: string) => written.push(text) > 0 };
}

describe('plain progress', () => {
  it('names the model, its active parameters and the backend first', () => {
    const { written, write } = collected();
    plainProgress({ write }).onEvent(startEvent);
    expect(written.join('')).toMatch(/^Model: 1\.23 M parameters, 543 k active per token, .*wasm/s);
  });

  it('names the GPU, where one computes', () => {
    const { written, write } = collected();
    plainProgress({ write }).onEvent({
      ...startEvent,
      backend: 'webgpu',
      device: 'SwiftShader (computed in software)',
    });
    expect(written.join('')).toMatch(/backend webgpu,\s+on SwiftShader \(computed in software\)/);
  });

  it('prints about twenty lines, the last step among them', () => {
    const { written, write } = collected();
    const progress = plainProgress({ write });
    for (let step = 1; step <= 997; step += 1) progress.onEvent(stepEvent(step, 997));
    expect(written).toHaveLength(20);
    expect(written.at(-1)).toBe('step 997/997, loss 3.250, 12.3 k tokens/s, 2m 05s left, MaxVio 1.00 in layer 2\n');
  });

  it('prints every step of a run shorter than twenty', () => {
    const { written, write } = collected();
    const progress = plainProgress({ write });
    for (let step = 1; step <= 3; step += 1) progress.onEvent(stepEvent(step, 3));
    expect(written).toHaveLength(3);
  });
});

describe('the block of live progress', () => {
  it('shows bar, loss and the load of the most imbalanced layer in aligned columns', () => {
    expect(blockLines(stepEvent(50, 100), [4, 3, 2], 79, noColors)).toEqual([
      `step 50/100 ${'█'.repeat(20)}${'░'.repeat(20)} 50%, 2m 05s left`,
      `loss 3.250  █▅▁${' '.repeat(37)} 12.3 k tokens/s`,
      `load        █▅▅·${' '.repeat(36)} MaxVio 1.00, layer 2`,
    ]);
  });

  it('fits any terminal from 34 columns on', () => {
    const losses = Array.from({ length: 300 }, (_, index) => 300 - index);
    for (let width = 34; width < 120; width += 1) {
      for (const line of blockLines(stepEvent(1234, 5000), losses, width, noColors)) {
        expect(displayWidth(line)).toBeLessThanOrEqual(width);
      }
    }
  });
});

describe('live progress', () => {
  function fakeTerminal(columns: number) {
    return { ...collected(), columns, isTTY: false };
  }

  it('redraws a few times a second, and always for the last step', () => {
    const terminal = fakeTerminal(80);
    const clock = { now: 0 };
    const progress = liveProgress(terminal, () => clock.now);
    for (let step = 1; step <= 100; step += 1) {
      clock.now += 10;
      progress.onEvent(stepEvent(step, 100));
    }
    progress.end();
    const drawings = terminal.written.filter((text) => text.includes('step '));
    expect(drawings).toHaveLength(6);
    expect(drawings.at(-1)).toContain('step 100/100');
  });

  it('breaks no line of a terminal 40 columns wide, whatever the model writes', () => {
    const terminal = fakeTerminal(40);
    const progress = liveProgress(terminal);
    progress.onEvent(startEvent);
    progress.onEvent(stepEvent(1, 100));
    progress.onEvent({ type: 'sample', step: 0, prompt: 'Call me', text: `\x1b[2J${'日本語 wide '.repeat(20)}` });
    progress.onEvent({ type: 'warning', message: 'a loss spike at step 7: 3.1 to 9.2, and more words than fit' });
    progress.note('Stopping after this step; press Ctrl-C again to stop at once.');
    progress.end();
    const lines = terminal.written.join('').split('\n');
    expect(lines.length).toBeGreaterThan(15);
    // Nothing but the folder of the run, which is there to be copied, may be wider.
    const tooWide = lines.filter((line) => displayWidth(line) >= 40);
    expect(tooWide).toEqual([startEvent.runDir]);
    expect(terminal.written.join('')).not.toContain('\x1b[2J');
  });

  it('leaves nothing listening when it ends', () => {
    const before = process.listenerCount('exit');
    const progress = liveProgress(fakeTerminal(80));
    progress.end();
    expect(process.listenerCount('exit')).toBe(before);
  });
});
