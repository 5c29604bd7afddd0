// The portable part as Node gets it: with Node's threads, its files and its backends.

import './node.ts';

export * from './core.ts';
