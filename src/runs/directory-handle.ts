// The part of the File System API (https://fs.spec.whatwg.org) that a store needs: what
// `navigator.storage.getDirectory()` and `showDirectoryPicker()` give in a browser fits these types.

export interface DirectoryHandle {
  readonly name: string;
  getDirectoryHandle(name: string, options?: { readonly create?: boolean }): Promise<DirectoryHandle>;
  getFileHandle(name: string, options?: { readonly create?: boolean }): Promise<FileHandle>;
  removeEntry(name: string, options?: { readonly recursive?: boolean }): Promise<void>;
  keys(): AsyncIterable<string>;
}

export interface FileHandle {
  getFile(): Promise<{ readonly size: number; arrayBuffer(): Promise<ArrayBuffer> }>;
  /** Opens a stream for writing. The file changes when the stream is closed, all at once. */
  createWritable(options?: { readonly keepExistingData?: boolean }): Promise<WritableFile>;
}

export interface WritableFile {
  seek(position: number): Promise<void>;
  write(data: Uint8Array<ArrayBuffer>): Promise<void>;
  close(): Promise<void>;
  abort(reason?: unknown): Promise<void>;
}

/** The Web Locks API, which `navigator.locks` is. */
export interface LockManager {
  request(
    name: string,
    options: { readonly ifAvailable: boolean },
    callback: (lock: object | null) => Promise<void>,
  ): Promise<unknown>;
}
