// A store that does not end a run because the browser's storage is full: the run goes on in memory, and every
// checkpoint is tried again.

import { type ModelStore, type RunStore, UserError } from 'tinyseek/core';

type Store = RunStore & ModelStore;

/** The path of a checkpoint that could not be kept. */
export const notKept = 'not kept: the storage is full';

/** @param onChange is told when the storage turns out to be full, and when there is room again */
export function forgivingStore(store: Store, onChange: (isFull: boolean) => void): Store {
  let isFull = false;
  const tryTo = async <T>(write: () => Promise<T>, instead: T): Promise<T> => {
    try {
      const result = await write();
      if (isFull) onChange(false);
      isFull = false;
      return result;
    } catch (error) {
      if (!saysFull(error)) throw error;
      if (!isFull) onChange(true);
      isFull = true;
      return instead;
    }
  };
  return {
    ...store,
    writeSettings: (settings) => tryTo(() => store.writeSettings(settings), undefined),
    saveCheckpoint: (step, contents, keep) => tryTo(() => store.saveCheckpoint(step, contents, keep), notKept),
    openLog: async (step) => {
      const log = await store.openLog(step);
      return { ...log, close: () => tryTo(() => log.close(), undefined) };
    },
  };
}

function saysFull(error: unknown): boolean {
  const { cause } = error instanceof UserError ? error : {};
  return cause instanceof Error && cause.name === 'QuotaExceededError';
}
