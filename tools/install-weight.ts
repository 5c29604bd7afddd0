// What an installation weighs: the package in an empty folder, as a user has it, and the clone it runs in. Fails where
// one is heavier than it may be.

import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { withInstalledPackage } from './install-package.ts';

interface Weight {
  readonly packages: number;
  readonly megabytes: number;
}

/** For users: 60 packages and 150 MB. For contributors: half of what a clone once had, 469 packages and 1117 MB. */
const allowed = { user: { packages: 60, megabytes: 150 }, clone: { packages: 234, megabytes: 558 } };

const root = join(import.meta.dirname, '..');

/** Bytes on the disk of a file, or of a folder and all below it, in whole blocks, as `du` counts them. */
function bytesOf(path: string): number {
  const entry = lstatSync(path);
  // Windows does not say how many blocks a file has.
  const own = (entry.blocks ?? Math.ceil(entry.size / 512)) * 512;
  if (!entry.isDirectory()) return own;
  return readdirSync(path).reduce((sum, name) => sum + bytesOf(join(path, name)), own);
}

/** Packages as npm counts them: the entries of the lock file that it keeps of what it has installed. */
function weigh(folder: string): Weight {
  const modules = join(folder, 'node_modules');
  const { packages } = JSON.parse(readFileSync(join(modules, '.package-lock.json'), 'utf8'));
  return { packages: Object.keys(packages).length, megabytes: Math.ceil(bytesOf(modules) / 2 ** 20) };
}

function report(what: string, { packages, megabytes }: Weight, most?: Weight): void {
  const limits = most === undefined ? '' : ` (at most ${most.packages} and ${most.megabytes})`;
  console.log(`${what}: ${packages} packages, ${megabytes} MB${limits}`);
  if (most === undefined || (packages <= most.packages && megabytes <= most.megabytes)) return;
  console.log(`  TOO HEAVY: see what came with "npm ls --all" and "du -sm node_modules/* node_modules/@*/*"`);
  process.exitCode = 1;
}

report('npm install tinyseek', await withInstalledPackage([], weigh), allowed.user);
report('npm ci in a clone', weigh(root), allowed.clone);
const peers = join(root, 'tests/peers');
if (readdirSync(peers).includes('node_modules')) report('npm ci --prefix tests/peers', weigh(peers));
