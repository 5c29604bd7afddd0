// The lab on WebGPU: Chromium's SwiftShader, a program that plays a GPU.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chromium as executable, softwareGpu, warnOfNoChromium } from '../browser/chromium.ts';
import { openLab, type OpenLab, pastStep, smallModel } from './open-lab.ts';

describe('the lab on a GPU', () => {
  if (executable === null) {
    warnOfNoChromium('the lab on WebGPU');
    // A user's machine need not have a browser. CI installs one, so this is never skipped there.
    it.skip('is not tested: no Chromium on the PATH');
    return;
  }
  let lab: OpenLab;

  beforeAll(async () => {
    lab = await openLab({ args: softwareGpu });
    await lab.open(`${smallModel}&steps=2000&backend=webgpu`);
  });

  afterAll(() => lab?.close());

  it('trains there when the address says so, and calls a program that plays a GPU what it is', async () => {
    expect(await lab.page.getByLabel('Computed on').inputValue()).toBe('webgpu');
    await lab.press('Train');
    await pastStep(lab.page, 2);
    expect(await lab.page.locator('.computer').innerText()).toMatch(
      /webgpu, on .*swiftshader.*\(computed in software\)/i,
    );
    expect(await lab.page.getByText('--backend webgpu').count()).toBe(1);
  });

  it('says what is missing where there is no GPU', async () => {
    await lab.close(); // a program that plays a GPU leaves little time for another browser
    const without = await openLab();
    await without.open(`${smallModel}&steps=20&backend=webgpu`);
    await without.press('Train');
    await expect.poll(() => without.messages()).toMatch(/webgpu: not available here.*a browser with WebGPU/);
    await without.close();
  });
});
