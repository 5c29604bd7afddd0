// Puts the page in place of its heading, opens the newest run, and has a worker ready before Train is pressed.

import { render } from 'preact';
import { App } from './app.tsx';
import { readAddress } from './state/address.ts';
import { findStoredRuns, prepareWorker } from './state/lab.ts';

export function start(): void {
  readAddress();
  const root = document.getElementById('lab')!;
  root.replaceChildren();
  render(<App />, root);
  void findStoredRuns();
  requestAnimationFrame(() => setTimeout(prepareWorker)); // after the page was drawn
}
