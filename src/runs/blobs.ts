// What a store without a file system needs of the place that keeps its bytes: named blobs.

/** Bytes by path; the parts of a path are separated by `/`. Every error is the place's own, such as a full quota. */
export interface Blobs {
  /** The bytes at a path; null if there are none. */
  read(path: string): Promise<Uint8Array<ArrayBuffer> | null>;
  /** Puts bytes at a path, in place of those that are there: all of them or none. */
  write(path: string, bytes: Uint8Array<ArrayBuffer>): Promise<void>;
  /** Puts bytes after those that are at a path, if there are any: all of them or none. */
  append(path: string, bytes: Uint8Array<ArrayBuffer>): Promise<void>;
  /** The names in a folder, of files and folders; `''` is the topmost. None for a folder that is not there. */
  list(folder: string): Promise<string[]>;
  /** Removes a file, or a folder with all that is in it. */
  remove(path: string): Promise<void>;
  /** Claims the whole place; resolves to a function that gives it back, or to null if another has it. */
  lock(): Promise<(() => Promise<void>) | null>;
}
