// A headless Chromium that loads a page, for tests whose page reports to their server.

import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process';
import { findChromium } from '../../tools/find-chromium.ts';

export const chromium = findChromium();

/** Headers that give a page shared memory, and with it threads. */
export const isolatingHeaders = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
};

/** Flags for WebGPU without a GPU: on SwiftShader, a program that plays one and comes with Chromium. */
export const softwareGpu: readonly string[] = [
  '--enable-unsafe-webgpu',
  '--enable-features=Vulkan',
  '--use-vulkan=swiftshader',
  '--use-angle=swiftshader',
];

export interface ChromiumOptions {
  readonly flags?: readonly string[];
  readonly stdio?: StdioOptions;
}

/** Opens a page; it is open until the process is killed. What it stores is in the folder `profile`. */
export function startChromium(
  url: string,
  profile: string,
  { flags: more = [], stdio = 'ignore' }: ChromiumOptions = {},
): ChildProcess {
  const flags = ['--headless=new', '--no-sandbox', '--disable-gpu', '--no-first-run', `--user-data-dir=${profile}`];
  return spawn(chromium ?? '', [...flags, ...more, url], { stdio });
}

/** Says loudly that a test needs a browser. A user's machine need not have one; CI installs it. */
export function warnOfNoChromium(what: string): void {
  console.warn(`\n*** NOT TESTED: ${what}\n*** apt-get install chromium\n`);
}
