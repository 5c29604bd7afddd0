import { render } from 'preact';
import './style.css';
import { App } from './app.tsx';
import { isolate } from './isolation.ts';
import { readAddress } from './state/address.ts';
import { findStoredRuns } from './state/lab.ts';

if (!(await isolate())) {
  readAddress();
  render(<App />, document.getElementById('lab')!);
  void findStoredRuns();
}
