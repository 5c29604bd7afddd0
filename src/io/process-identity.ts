// Telling whether a process that left its number behind still runs. Numbers are reused, soon after a restart of a
// container, so the time at which the process started is part of its identity where the system tells it (Linux).

import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { systemErrorCode } from './file-system.ts';

/** Which process: number, machine, and the moment of its start, null where the system does not tell. */
export interface ProcessIdentity {
  readonly pid: number;
  readonly host: string;
  readonly started: string | null;
}

/** This process. */
export function thisProcess(): ProcessIdentity {
  return { pid: process.pid, host: hostname(), started: readProcess(process.pid)?.started ?? null };
}

/** Whether the process still runs; one on another machine is taken to, since nothing here can tell. */
export function isRunning({ pid, host, started }: ProcessIdentity): boolean {
  if (host !== hostname()) return true;
  if (!canSignal(pid)) return false;
  const now = readProcess(pid);
  if (now === null) return true;
  return !now.isZombie && (started === null || started === now.started);
}

function canSignal(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return systemErrorCode(error) === 'EPERM'; // it runs, for somebody else
  }
}

/** Linux: state and start of a process (clock ticks since boot, with the boot's id); null elsewhere. */
function readProcess(pid: number): { isZombie: boolean; started: string } | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    // The second field is the command in brackets, which may contain both; counting starts after it, at field 3.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return { isZombie: fields[0] === 'Z' || fields[0] === 'X', started: `${boot}/${fields[19]}` };
  } catch {
    return null; // no /proc here
  }
}
