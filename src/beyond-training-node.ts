// What comes after training, as Node gets it.

import './node.ts';

export * from './beyond-training.ts';
