// Opens one view of the lab after the other while it trains, and has each do what it is for.

import type { Page } from 'playwright-core';

/** Steps that are shown as done; 0 before the first. */
export async function stepsDone(page: Page): Promise<number> {
  const shown = page.getByTestId('step');
  return (await shown.count()) === 0 ? 0 : Number.parseInt((await shown.textContent()) ?? '0', 10) || 0;
}

/** Waits until so many steps are done. */
export async function reachStep(page: Page, step: number): Promise<void> {
  while ((await stepsDone(page)) < step) await page.waitForTimeout(100);
}

/** What is pressed in each view; the answers come between two steps. */
const actions: Readonly<Record<string, readonly string[]>> = {
  Tokens: ['Look again'],
  MTP: ['Write with drafts'],
  MLA: ['Write', 'Look'],
  Writing: ['Write on'],
  'Break it': [],
  Router: [],
};

/** Visits every view, each for so many steps. */
export async function visitPanels(page: Page, stepsEach: number): Promise<void> {
  for (const [name, buttons] of Object.entries(actions)) {
    await page.getByRole('tab', { name, exact: true }).click();
    for (const button of buttons)
      await page.locator('#model-view').getByRole('button', { name: button, exact: true }).click();
    await reachStep(page, (await stepsDone(page)) + stepsEach);
  }
}
