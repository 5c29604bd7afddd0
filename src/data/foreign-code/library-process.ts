// Runs in a process of its own: @huggingface/tokenizers, with the patterns and normalizers of a `tokenizer.json`.

import { libraryEncoder } from './library-encoder.ts';
import { answerCalls } from './process-entry.ts';

answerCalls((json: string) => libraryEncoder(JSON.parse(json)));
