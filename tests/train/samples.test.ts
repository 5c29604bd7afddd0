import { describe, expect, it } from 'vitest';
import { samplePrompt } from '../../src/train/samples.ts';

const promptOf = (text: string) => samplePrompt({ heldOutText: () => text });

describe('samplePrompt', () => {
  it('is the beginning of the held-out text, up to the end of a word, its line breaks kept', () => {
    expect(promptOf('\n\n  Call me Ishmael. Some years\nago--never mind how long')).toBe(
      'Call me Ishmael. Some years\nago--never',
    );
  });

  it('takes a short text whole, and cuts one without spaces between characters', () => {
    expect(promptOf('short')).toBe('short');
    expect(promptOf('😀'.repeat(60))).toBe('😀'.repeat(40));
  });
});
