// What goes wrong in the lab is said with what to do about it, and the run is kept.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { zipSync } from 'fflate';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chromium as executable, warnOfNoChromium } from '../browser/chromium.ts';
import { digestsOfRun, openLab, type OpenLab, pastStep, smallModel } from './open-lab.ts';

describe('faults of the lab', () => {
  if (executable === null) {
    warnOfNoChromium('what the lab does when something fails');
    // A user's machine need not have a browser. CI installs one, so this is never skipped there.
    it.skip('are not tested: no Chromium on the PATH');
    return;
  }
  let folder: string;
  let lab: OpenLab;

  /** An error that nobody catches ends a worker for the page. */
  const crash = async () => {
    const worker = lab.page.workers().find((one) => one.url().includes('worker'));
    await worker!.evaluate("setTimeout(() => { throw new Error('out of luck'); })");
  };

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'tinyseek-faults-'));
    lab = await openLab();
    await lab.open(smallModel);
  });

  afterAll(async () => {
    await lab?.close();
    rmSync(folder, { recursive: true, force: true, maxRetries: 10 });
  });

  it('starts again where the worker ended before the first checkpoint', async () => {
    await lab.open(`${smallModel}&steps=20000&checkpointEvery=100000`);
    await lab.press('Train');
    await pastStep(lab.page, 2);
    await crash();
    await lab.reach('failed');
    expect(await lab.messages()).toMatch(/out of luck.*no checkpoint yet: press Train to start it again/s);
    await lab.press('Train');
    await lab.reach('training');
    await pastStep(lab.page, 2);
    await lab.press('Pause');
    await lab.reach('paused');
  });

  it('goes on from the checkpoint where the worker ended later, and comes to the same bits as a run without a fault', async () => {
    await lab.open(`${smallModel}&steps=24&checkpointEvery=4`);
    await lab.press('New run');
    await pastStep(lab.page, 9);
    await crash();
    await expect.poll(() => lab.messages()).toMatch(/out of luck|^$/);
    await lab.reach('failed');
    expect(await lab.messages()).toMatch(/kept up to its checkpoint at step \d+: press Train to go on/);
    await lab.press('Train');
    await lab.reach('done');
    const broken = await digestsOfRun(lab.page, -1);
    await lab.press('New run');
    await expect.poll(() => lab.page.getByRole('row', { name: /^Run 3/ }).count()).toBe(1);
    await lab.reach('done');
    expect(await digestsOfRun(lab.page, -1)).toEqual(broken);
  });

  it.each([
    ['no zip', 'model.zip', () => new Uint8Array([1, 2, 3]), /model\.zip is no zip that can be read: make one of/],
    [
      'another zip',
      'holiday.zip',
      () => zipSync({ 'a.txt': new Uint8Array([1]) }),
      /holiday\.zip lacks config\.json, .*: zip a/,
    ],
  ] as const)('says what to give in place of %s', async (_, name, bytes, message) => {
    const path = join(folder, name);
    writeFileSync(path, bytes());
    await lab.page.getByLabel('Open a zip of a model folder').setInputFiles(path);
    await expect.poll(() => lab.messages()).toMatch(message);
  });

  it('takes no text of tens of megabytes, and none that is too short', async () => {
    const path = join(folder, 'large.txt');
    writeFileSync(path, 'a line of text\n'.repeat(1_500_000));
    await lab.page.getByLabel('Your own').setInputFiles(path);
    await expect.poll(() => lab.messages()).toMatch(/large\.txt has 23 MB, and the page takes 20: cut a part out/);
    writeFileSync(path, 'a line');
    await lab.page.getByLabel('Your own').setInputFiles(path);
    await expect.poll(() => lab.messages()).toMatch(/6 characters, which is too few/);
  });
});
