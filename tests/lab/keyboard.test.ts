// The whole path of a person who has no mouse: open, train, move gamma, go back in time, look at a token, break it,
// save. Everything is reached with Tab, as far as it takes.

import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stepsDone } from '../../tools/lab/visit-panels.ts';
import { chromium as executable, warnOfNoChromium } from '../browser/chromium.ts';
import { openLab, type OpenLab, pastStep, smallModel } from './open-lab.ts';

/** More than there is on the page. */
const mostPresses = 200;

/** Text, label or value of the element that has the focus. */
const focused = `(() => {
  const element = document.activeElement;
  const label = element.closest('label')?.innerText ?? '';
  return [element.tagName, element.getAttribute('aria-label'), element.innerText, label].join(' ').replace(/\\s+/g, ' ');
})()`;

describe('the lab by keyboard alone', () => {
  if (executable === null) {
    warnOfNoChromium('the lab by keyboard');
    // A user's machine need not have a browser. CI installs one, so this is never skipped there.
    it.skip('is not tested: no Chromium on the PATH');
    return;
  }
  let lab: OpenLab;
  let page: Page;

  const tabTo = async (what: RegExp) => {
    for (let i = 0; i < mostPresses; i++) {
      await page.keyboard.press('Tab');
      if (what.test((await page.evaluate(focused)) as string)) return;
    }
    throw new Error(`Tab does not reach ${what}`);
  };
  const turnTo = async (tab: string, from: RegExp, presses: number) => {
    await tabTo(from);
    for (let i = 0; i < presses; i++) await page.keyboard.press('ArrowRight');
    expect(await page.getByRole('tab', { name: tab, exact: true }).getAttribute('aria-selected')).toBe('true');
  };

  beforeAll(async () => {
    lab = await openLab();
    page = lab.page;
    await lab.open(`${smallModel}&steps=20000`);
  });

  afterAll(() => lab?.close());

  it('trains, and pauses with the same key', async () => {
    await tabTo(/^BUTTON .*Train/);
    await page.keyboard.press('Enter');
    await pastStep(page, 3);
    expect(await page.evaluate(focused)).toMatch(/Pause/); // the focus was not lost while the text was prepared
    await page.keyboard.press('Enter');
    await lab.reach('paused');
  });

  it('moves gamma, which acts on the next step and is marked', async () => {
    await tabTo(/gamma/);
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('ArrowRight');
    await tabTo(/^BUTTON .*Step/);
    await page.keyboard.press('Enter');
    await expect.poll(() => page.locator('.marks').innerText()).toMatch(/gamma 0\.\d+/);
  });

  it('goes back in time with the scrubber', async () => {
    const last = await stepsDone(page);
    await tabTo(/^INPUT .*Step\s+\d+/);
    await page.keyboard.press('Home');
    await expect.poll(async () => Number(await page.locator('.scrubber .value').innerText())).toBeLessThan(last);
  });

  it('looks at a token', async () => {
    await turnTo('Tokens', /^BUTTON .*Router/, 1);
    await page.getByRole('toolbar').waitFor();
    await tabTo(/^BUTTON .*\d/); // of the tokens, which are one stop
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('ArrowRight');
    await expect.poll(() => page.getByRole('region', { name: /^Experts of the token/ }).count()).toBe(1);
  });

  it('breaks it', async () => {
    await turnTo('Break it', /^BUTTON .*Tokens/, 4);
    await tabTo(/B2: gates/);
    await page.keyboard.press('ArrowDown');
    expect(await page.getByLabel(/B5: the bias moves/).isChecked()).toBe(true);
    await tabTo(/Train it with the bug/);
    await page.keyboard.press('Enter');
    await page.getByText(/The run on show has a bug: B5/).waitFor();
    await pastStep(page, 1);
  });

  it('saves', async () => {
    await tabTo(/Save the model as a zip/);
    const [download] = await Promise.all([page.waitForEvent('download'), page.keyboard.press('Enter')]);
    expect(download.suggestedFilename()).toBe('run-2.zip');
  });
});
