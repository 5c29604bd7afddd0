// What a run needs of the program around it: a backend, text, a yardstick. Node's is in `node-host.ts`.

import type { BackendName } from '../backends/backend-names.ts';
import type { BackendOptions } from '../backends/backends.ts';
import type { TrainConfig } from '../config/train-config.ts';
import type { Dataset } from '../data/types.ts';
import type { ActiveBackend } from '../tensor/active-backend.ts';

export interface Host {
  /** Version of this package. */
  readonly version: string;
  /** Starts a backend and makes it current. */
  activateBackend(name: BackendName, options?: BackendOptions): Promise<ActiveBackend>;
  /** Reads, splits and tokenises the text that the settings name. */
  openDataset(train: TrainConfig): Promise<Dataset>;
  /** Bits per byte that Brotli (quality 11) needs for the held-out text. */
  brotliBitsPerByte(dataset: Dataset): number;
}
