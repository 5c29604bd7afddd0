import { describe, expect, it } from 'vitest';
import { modelPreset, trainPreset } from '../../src/config/presets.ts';
import { validateRecordedTrain } from '../../src/config/recorded.ts';

const [model, train] = [modelPreset('tiny'), trainPreset('tiny')];

describe('validateRecordedTrain', () => {
  it('gives settings from before a key existed the value that was computed with then', () => {
    const { precision: _, ...earlier } = train;
    expect(validateRecordedTrain(earlier, model)).toEqual({ ...train, precision: 'float32' });
  });

  it('keeps what was recorded', () => {
    expect(validateRecordedTrain({ ...train, precision: 'fp8' }, model).precision).toBe('fp8');
  });

  it('still refuses settings that lack another key', () => {
    const { steps: _, ...incomplete } = train;
    expect(() => validateRecordedTrain(incomplete, model)).toThrow(/steps/);
    expect(() => validateRecordedTrain(null, model)).toThrow();
  });
});
