// Models go both ways: what the page saves opens in `tinyseek score` and in transformers, and a run of the command line
// is trained further in the page.

import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { unzipSync, zipSync } from 'fflate';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chromium as executable, warnOfNoChromium } from '../browser/chromium.ts';
import { pythonWithTransformers } from '../interop/python.ts';
import { openLab, type OpenLab, smallModel } from './open-lab.ts';

const main = join(import.meta.dirname, '../../dist/cli/main.js');
const python = pythonWithTransformers();

function outputOf(program: string, ...args: string[]): string {
  const env = { ...process.env, HF_HUB_OFFLINE: '1', TRANSFORMERS_OFFLINE: '1' };
  const { status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8', env });
  if (status !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${status}:\n${stderr.slice(-3000)}`);
  return stdout;
}

describe('models between the lab and other programs', () => {
  if (executable === null) {
    warnOfNoChromium('what the lab saves and opens');
    // A user's machine need not have a browser. CI installs one, so this is never skipped there.
    it.skip('are not tested: no Chromium on the PATH');
    return;
  }
  let folder: string;
  let saved: string;
  let lab: OpenLab;
  const text = 'Ada has 3 apples.';
  let scored: { ids: number[]; logprobs: (number | null)[] };

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'tinyseek-interchange-'));
    saved = join(folder, 'saved');
    mkdirSync(saved);
    lab = await openLab();
  });

  afterAll(async () => {
    await lab?.close();
    rmSync(folder, { recursive: true, force: true, maxRetries: 10 });
  });

  it('saves a folder that tinyseek score reads', async () => {
    await lab.open(`${smallModel}&steps=12`);
    await lab.press('Train');
    await lab.reach('done');
    const [download] = await Promise.all([lab.page.waitForEvent('download'), lab.press('Save the model as a zip')]);
    await download.saveAs(join(folder, 'model.zip'));
    for (const [name, bytes] of Object.entries(unzipSync(readFileSync(join(folder, 'model.zip'))))) {
      writeFileSync(join(saved, name), bytes);
    }
    scored = JSON.parse(outputOf(process.execPath, main, 'score', saved, '--text', text, '--threads', '1', '--json'));
    expect(scored.logprobs).toHaveLength(text.length);
  });

  it.skipIf(python === null)('saves a folder that transformers opens, with the same probabilities', () => {
    const script = join(import.meta.dirname, 'score.py');
    const answer = JSON.parse(outputOf(python!, script, saved, JSON.stringify(scored.ids)));
    expect(answer.text).toBe(text);
    // Two float32 implementations, whose logits are of the order of 1; the difference is measured to be below 1e-5.
    for (const [i, logprob] of answer.logprobs.entries()) expect(logprob).toBeCloseTo(scored.logprobs[i + 1]!, 4);
  });

  it('trains a run of the command line further, from the weights that it has', async () => {
    const runDir = join(folder, 'run');
    const sets = [
      'seqLen=32',
      'batchSize=2',
      'hiddenSize=32',
      'sampleTokens=0',
      'tokenizer=bytes',
      'steps=12',
      'evalTokens=256',
    ];
    const settings = sets.flatMap((pair) => ['--set', pair]);
    outputOf(
      process.execPath,
      main,
      'train',
      '--preset',
      'tiny',
      '--data',
      'math',
      '--threads',
      '1',
      ...settings,
      '--out',
      runDir,
    );
    const [checkpoint] = readdirSync(join(runDir, 'checkpoints')).sort().reverse();
    const files = join(runDir, 'checkpoints', checkpoint!);
    // A checkpoint has more files than a model; the page takes what it needs.
    const zipped = Object.fromEntries(
      readdirSync(files).map((name) => [`run/${name}`, readFileSync(join(files, name))]),
    );
    writeFileSync(join(folder, 'run.zip'), zipSync(zipped));
    const losses = readFileSync(join(runDir, 'metrics.jsonl'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    const last = losses.findLast((line) => line['train/loss'] !== undefined)['train/loss'];

    await lab.open('preset=tiny&data=math&steps=1&seqLen=32&batchSize=2&sampleTokens=0&evalTokens=256');
    await lab.page.getByLabel('Open a zip of a model folder').setInputFiles(join(folder, 'run.zip'));
    await expect.poll(() => lab.page.getByRole('row', { name: /^Run 2/ }).count()).toBe(1);
    await lab.reach('done');
    const loss = Number(await lab.page.locator('.transport dd').nth(1).innerText());
    // Weights of its own would begin at ln 257 = 5.55; a batch of 64 bytes differs from the next by less than this.
    expect(Math.abs(loss - last)).toBeLessThan(0.5);
  });
});
