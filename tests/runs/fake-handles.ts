// The File System and Web Locks APIs in memory, as their specifications say: what is written appears when the stream is
// closed, a name that is not there is a `NotFoundError`.

import type { DirectoryHandle, FileHandle, LockManager } from '../../src/runs/directory-handle.ts';

type Entries = Map<string, FakeFile | FakeDirectory>;

function failure(name: string): Error {
  return Object.assign(new Error(`injected: ${name}`), { name });
}

/** Told of every call that changes something; it may throw, as a page that is closed in the middle does. */
export type OnChange = (call: string) => void;

export class FakeFile implements FileHandle {
  bytes = new Uint8Array(0);
  readonly #onChange: OnChange;

  constructor(onChange: OnChange) {
    this.#onChange = onChange;
  }

  async getFile() {
    const { bytes } = this;
    return { size: bytes.length, arrayBuffer: async () => bytes.slice().buffer };
  }

  async createWritable({ keepExistingData = false } = {}) {
    const parts: Uint8Array[] = keepExistingData ? [this.bytes] : [];
    return {
      seek: async (position: number) => {
        if (position !== Buffer.concat(parts).length) throw failure('only the end is written to');
      },
      write: async (data: Uint8Array<ArrayBuffer>) => {
        this.#onChange('write');
        parts.push(data.slice());
      },
      close: async () => {
        this.#onChange('close');
        this.bytes = new Uint8Array(Buffer.concat(parts));
      },
      abort: async () => {},
    };
  }
}

export class FakeDirectory implements DirectoryHandle {
  readonly name: string;
  readonly entries: Entries = new Map();
  readonly #onChange: OnChange;

  constructor(name: string, onChange: OnChange = () => {}) {
    this.name = name;
    this.#onChange = onChange;
  }

  async getDirectoryHandle(name: string, { create = false } = {}): Promise<DirectoryHandle> {
    return this.#entry(name, FakeDirectory, create, () => new FakeDirectory(name, this.#onChange));
  }

  async getFileHandle(name: string, { create = false } = {}): Promise<FileHandle> {
    return this.#entry(name, FakeFile, create, () => new FakeFile(this.#onChange));
  }

  async removeEntry(name: string, { recursive = false } = {}): Promise<void> {
    const entry = this.entries.get(name);
    if (entry === undefined) throw failure('NotFoundError');
    if (entry instanceof FakeDirectory && entry.entries.size > 0) {
      if (!recursive) throw failure('InvalidModificationError');
      // Not in one step: a page can be closed when half of it is gone.
      for (const inner of [...entry.entries.keys()]) await entry.removeEntry(inner, { recursive });
    }
    this.#onChange('removeEntry');
    this.entries.delete(name);
  }

  async *keys(): AsyncIterable<string> {
    yield* [...this.entries.keys()];
  }

  /** Paths of all files. */
  paths(): string[] {
    return [...this.entries].flatMap(([name, entry]) => {
      return entry instanceof FakeFile ? [name] : entry.paths().map((path) => `${name}/${path}`);
    });
  }

  /** The same contents for another page. */
  copy(onChange: OnChange = () => {}): FakeDirectory {
    const copy = new FakeDirectory(this.name, onChange);
    for (const [name, entry] of this.entries) {
      const file = new FakeFile(onChange);
      if (entry instanceof FakeFile) file.bytes = entry.bytes.slice();
      copy.entries.set(name, entry instanceof FakeFile ? file : entry.copy(onChange));
    }
    return copy;
  }

  #entry<T extends FakeFile | FakeDirectory>(
    name: string,
    kind: abstract new (...args: never[]) => T,
    create: boolean,
    make: () => T,
  ): T {
    if (name === '' || name.includes('/')) throw failure('TypeError');
    const found = this.entries.get(name);
    if (found instanceof kind) return found;
    if (found !== undefined) throw failure('TypeMismatchError');
    if (!create) throw failure('NotFoundError');
    this.#onChange('create');
    const made = make();
    this.entries.set(name, made);
    return made;
  }
}

/** Locks by name, held until the callback's promise is settled. */
export function fakeLocks(): LockManager {
  const held = new Set<string>();
  return {
    request: async (name, _options, callback) => {
      if (held.has(name)) return callback(null);
      held.add(name);
      try {
        await callback({ name });
      } finally {
        held.delete(name);
      }
    },
  };
}
