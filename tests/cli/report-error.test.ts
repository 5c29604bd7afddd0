import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CommanderError } from 'commander';
import { describe, expect, it } from 'vitest';
import { errorMessage, exitCodeOf } from '../../src/cli/report-error.ts';
import { UserError } from '../../src/errors.ts';

function caught(action: () => unknown): unknown {
  try {
    return action();
  } catch (error) {
    return error;
  }
}

describe('errors that end the command', () => {
  it('prints a user error as it is and exits with 1', () => {
    const error = new UserError('config: steps (0) must be at least 1');
    expect(errorMessage(error)).toBe('tinyseek: config: steps (0) must be at least 1');
    expect(exitCodeOf(error)).toBe(1);
  });

  it('prints what the operating system refused and exits with 1', () => {
    const read = () => readFileSync(join(tmpdir(), 'tinyseek-no-such-file'));
    const error = caught(read);
    expect(errorMessage(error)).toMatch(
      /^tinyseek: ENOENT: no such file or directory, open '.*tinyseek-no-such-file'$/,
    );
    expect(exitCodeOf(error)).toBe(1);
  });

  it('owns up to anything else, without a stack, and exits with 70', () => {
    const error = new TypeError('x is undefined');
    expect(errorMessage(error)).toMatch(/^tinyseek: x is undefined\nThis is a bug in tinyseek\. .*DEBUG=1/);
    expect(errorMessage(error)).not.toContain('at ');
    expect(exitCodeOf(error)).toBe(70);
    expect(errorMessage('thrown text')).toContain('tinyseek: thrown text');
  });

  it('leaves usage errors to the parser and exits with 2, or 0 for help', () => {
    expect(errorMessage(new CommanderError(1, 'commander.unknownOption', 'error: x'))).toBe('');
    expect(exitCodeOf(new CommanderError(1, 'commander.unknownOption', 'error: x'))).toBe(2);
    expect(exitCodeOf(new CommanderError(0, 'commander.helpDisplayed', ''))).toBe(0);
  });
});
