// Opening a file to read it. A name in a folder of somebody else may stand for a device, which never ends, or for a
// FIFO, at which opening waits for ever: only regular files are opened.

import nodeFs from 'node:fs';
import { UserError } from '../errors.ts';
import { explainFsErrors } from './file-system.ts';

// Windows has neither FIFOs nor this flag.
const withoutWaiting = nodeFs.constants.O_RDONLY | (nodeFs.constants.O_NONBLOCK ?? 0);

/**
 * Opens a file for reading; the caller closes it.
 *
 * @param what the start of messages: `checkpoint: cannot read`
 * @throws UserError if it cannot be opened, or is no regular file.
 */
export function openRegularFile(path: string, what: string): number {
  const fd = explainFsErrors(what, path, () => nodeFs.openSync(path, withoutWaiting));
  if (nodeFs.fstatSync(fd).isFile()) return fd;
  nodeFs.closeSync(fd);
  throw new UserError(`${what} ${path}: it is not a file; put a regular file in its place`);
}

/**
 * The bytes of a file.
 *
 * @throws UserError if it cannot be read, is no regular file, or has more than `maxBytes`.
 */
export function readRegularFile(path: string, what: string, maxBytes: number): Buffer {
  const fd = openRegularFile(path, what);
  try {
    const { size } = nodeFs.fstatSync(fd);
    if (size > maxBytes) {
      throw new UserError(
        `${what} ${path}: it has ${size} bytes, and at most ${maxBytes} make sense; is it that file?`,
      );
    }
    const bytes = Buffer.alloc(size);
    let end = 0;
    for (let read = -1; end < size && read !== 0; end += read) {
      read = explainFsErrors(what, path, () => nodeFs.readSync(fd, bytes, end, size - end, end));
    }
    return bytes.subarray(0, end);
  } finally {
    nodeFs.closeSync(fd);
  }
}
