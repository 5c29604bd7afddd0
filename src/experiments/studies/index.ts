// The studies that come with TinySeek, in the order of `tinyseek ablate --list`.

import type { Study } from '../study.ts';
import { balance } from './balance.ts';

export const studies: readonly Study[] = [balance];
