// Writing a whole file in place of the one that is there.

import nodeFs from 'node:fs';
import { explainFsErrors } from './file-system.ts';

/** Where a file is until it is complete; left there by a process that was killed meanwhile. */
export const unfinishedPath = (path: string) => `${path}.tmp`;

/**
 * Creates a file, opened for writing, that is to replace another one; the caller closes and renames it.
 *
 * What has its name, such as a link that somebody put there, is deleted and not followed.
 */
export function openUnfinished(path: string): number {
  nodeFs.rmSync(unfinishedPath(path), { force: true });
  return nodeFs.openSync(unfinishedPath(path), 'wx');
}

/** Writes a file in one step: it is whole or not there. A link is replaced, not followed. */
export function replaceFile(path: string, text: string, what: string): void {
  explainFsErrors(`${what}: cannot write`, path, () => {
    const fd = openUnfinished(path);
    try {
      nodeFs.writeFileSync(fd, text);
    } finally {
      nodeFs.closeSync(fd);
    }
    nodeFs.renameSync(unfinishedPath(path), path);
  });
}
