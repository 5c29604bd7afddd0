// A full storage does not end a run: the page says so, the run goes on, and is kept once there is room again.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stepsDone } from '../../tools/lab/visit-panels.ts';
import { chromium as executable, warnOfNoChromium } from '../browser/chromium.ts';
import { openLab, type OpenLab, pastStep, smallModel } from './open-lab.ts';

describe('the lab where the storage is full', () => {
  if (executable === null) {
    warnOfNoChromium('the lab where the storage is full');
    // A user's machine need not have a browser. CI installs one, so this is never skipped there.
    it.skip('is not tested: no Chromium on the PATH');
    return;
  }
  let lab: OpenLab;

  beforeAll(async () => {
    lab = await openLab();
  });

  afterAll(() => lab?.close());

  it('goes on in memory, says so once, and keeps the run once there is room', async () => {
    const { page } = lab;
    await lab.open(`${smallModel}&steps=20000&checkpointEvery=4`);
    await lab.press('Train');
    await pastStep(page, 4);
    const session = await lab.context.newCDPSession(page);
    const { origin } = new URL(lab.url);
    await session.send('Storage.overrideQuotaForOrigin', { origin, quotaSize: 1000 });
    await expect.poll(() => lab.messages(), { interval: 100 }).toMatch(/no room for this run: it goes on/);
    await pastStep(page, (await stepsDone(page)) + 8);
    expect((await lab.messages()).match(/no room/g)).toHaveLength(1);
    await session.send('Storage.overrideQuotaForOrigin', { origin });
    await expect.poll(() => lab.messages(), { interval: 100 }).toMatch(/room again: the run is kept/);
    await lab.press('Pause');
    await lab.reach('paused');
  });
});
