// What disks and crashes do while a checkpoint is written: whatever fails, and whenever, the last good one loads.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import nodeFs from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { UserError } from '../../src/errors.ts';
import type { FileSystem } from '../../src/io/file-system.ts';
import { fromHfTensors } from '../../src/io/hf-tensors.ts';
import { latestCheckpoint, readCheckpoint } from '../../src/io/read-checkpoint.ts';
import { writeCheckpoint } from '../../src/io/write-checkpoint.ts';
import { config, contentsAt, shapes, useTempFolder } from './helpers.ts';

const path = useTempFolder();

function systemError(code: string): Error {
  return Object.assign(new Error(`${code}: injected`), { code });
}

/** Waiting for the disk is what takes time here, and no test can tell. */
const quickFs: FileSystem = { ...nodeFs, fsyncSync: () => {} };

/** A file system whose calls `fails` can refuse; it is told the name of each call and counts them from 0. */
function faultyFs(fails: (name: keyof FileSystem, index: number) => string | null): FileSystem {
  let index = 0;
  return new Proxy<FileSystem>(quickFs, {
    get(target, name: keyof FileSystem) {
      const code = fails(name, index++);
      if (code === null || name === 'existsSync') return target[name];
      return () => {
        throw systemError(code);
      };
    },
  });
}

/** The state of the newest checkpoint that loads; its weights must be those of the same step. */
function newestState(folder: string): number {
  const { checkpoint } = latestCheckpoint(folder);
  if (!checkpoint) return -1;
  const { model, trainerState, close } = readCheckpoint(checkpoint.path);
  const step = Number(trainerState?.step);
  expect(Array.from(fromHfTensors(model, config, shapes).tensors)).toEqual(contentsAt(step).model);
  close();
  return step;
}

function countCalls(write: (fs: FileSystem) => void): number {
  let calls = 0;
  write(
    faultyFs((_, index) => {
      calls = index + 1;
      return null;
    }),
  );
  return calls;
}

describe('writeCheckpoint on a failing disk', () => {
  it.each([
    ['writeSync', 'ENOSPC', /cannot write .*config\.json: no space left on the device; free some space/],
    ['fsyncSync', 'EDQUOT', /quota/],
    ['mkdirSync', 'EROFS', /cannot write .*step-00000002: the file system is read-only/],
    ['openSync', 'EACCES', /cannot write .*config\.json: permission denied/],
    ['renameSync', 'EIO', /cannot write .*step-00000002: EIO: injected \(EIO\)/],
  ] as const)('when %s answers %s: says what and where, and changes nothing', (call, code, message) => {
    writeCheckpoint(path('step-00000001'), contentsAt(1));
    const fs = faultyFs((name) => (name === call ? code : null));
    const write = () => writeCheckpoint(path('step-00000002'), contentsAt(2), { keep: 1, fs });
    expect(write).toThrow(UserError);
    expect(write).toThrow(message);
    expect(nodeFs.readdirSync(path())).toEqual(['step-00000001']);
    expect(newestState(path())).toBe(1);
  });

  it('says so when a part of the path is a file', () => {
    nodeFs.writeFileSync(path('file'), '');
    expect(() => writeCheckpoint(path('file', 'step-00000001'), contentsAt(1))).toThrow(
      /in the way; choose another folder/,
    );
    expect(() => writeCheckpoint(path('file', 'run', 'step-00000001'), contentsAt(1))).toThrow(/ENOTDIR/);
  });

  it.skipIf(!nodeFs.existsSync('/dev/full'))('notices a disk that is really full', () => {
    const fs: FileSystem = { ...nodeFs, openSync: () => nodeFs.openSync('/dev/full', 'w') };
    expect(() => writeCheckpoint(path('step-00000001'), contentsAt(1), { fs })).toThrow(/no space left/);
    expect(nodeFs.readdirSync(path())).toEqual([]);
  });
});

describe('writeCheckpoint interrupted at every call', () => {
  const isTransient = [true, false];

  it.each(isTransient)('a new step: the old or the new one loads (one call fails: %s)', (isOneCall) => {
    const write = (fs: FileSystem) => writeCheckpoint(path('step-00000002'), contentsAt(2), { keep: 1, fs });
    writeCheckpoint(path('step-00000001'), contentsAt(1));
    const calls = countCalls(write);
    expect(nodeFs.readdirSync(path())).toEqual(['step-00000002']);
    for (let failing = 0; failing < calls; failing++) {
      for (const name of nodeFs.readdirSync(path())) nodeFs.rmSync(path(name), { recursive: true });
      writeCheckpoint(path('step-00000001'), contentsAt(1), { fs: quickFs });
      tryWrite(write, failing, isOneCall);
      expect(newestState(path())).toBeGreaterThan(0);
    }
  });

  it.each(isTransient)('a rewrite of the only step: the old or the new one loads (one call fails: %s)', (isOneCall) => {
    const only = path('step-00000001');
    const write = (fs: FileSystem, state: number) => writeCheckpoint(only, contentsAt(state), { keep: 1, fs });
    write(nodeFs, 1);
    const calls = countCalls((fs) => write(fs, 2));
    for (let failing = 0; failing < calls; failing++) {
      const before = newestState(path());
      tryWrite((fs) => write(fs, before + 1), failing, isOneCall);
      expect([before, before + 1]).toContain(newestState(path()));
    }
    write(nodeFs, 1000);
    expect(nodeFs.readdirSync(path())).toEqual(['step-00000001']);
    expect(newestState(path())).toBe(1000);
  });

  /** Lets call number `failing` fail, and unless `isOneCall` every later one too, as if the process had died. */
  function tryWrite(write: (fs: FileSystem) => void, failing: number, isOneCall: boolean): void {
    try {
      write(faultyFs((_, index) => (index === failing || (!isOneCall && index > failing) ? 'EIO' : null)));
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
    }
  }
});

describe('writeCheckpoint killed', () => {
  it('SIGKILL at any moment: the latest checkpoint loads', async () => {
    const program = compileProgram();
    for (const delay of [0, 3, 7, 13, 29]) {
      const child = spawn(process.execPath, [program, path('checkpoints')], { stdio: ['ignore', 'pipe', 'inherit'] });
      await waitForSteps(child, 2);
      await new Promise((resolve) => setTimeout(resolve, delay)); // the moment of the kill, not a wait for anything
      child.kill('SIGKILL');
      const [code, signal] = await once(child, 'exit');
      expect([code, signal]).toEqual([null, 'SIGKILL']);
      const { checkpoint, warnings } = latestCheckpoint(path('checkpoints'));
      expect(warnings).toEqual([]);
      expect(checkpoint && readCheckpoint(checkpoint.path).trainerState).toEqual({ step: checkpoint?.step });
    }
  });

  async function waitForSteps(child: ChildProcess, count: number): Promise<void> {
    let output = '';
    for await (const chunk of child.stdout ?? []) {
      output += String(chunk);
      if (output.split('\n').length > count) return;
    }
    throw new Error('the child ended early');
  }

  /** The sources as JavaScript, which the oldest supported Node runs too, and a program that writes without end. */
  function compileProgram(): string {
    const entry = 'src/io/write-checkpoint.ts';
    compileInto(path('program'), entry, new Set());
    const module = JSON.stringify(pathToFileURL(path('program', entry.replace('.ts', '.js'))).href);
    const contents = `{ ...${JSON.stringify({ ...contentsAt(0), model: [], optimizer: [] })},
      model: ['model.embed_tokens.weight', 'lm_head.weight'].map((name) => ({ name, shape: [30011], data: new Float32Array(30011) })),
      trainerState: { step } }`;
    const loop = `for (let step = 1; ; step += 1) {
      for (const again of [false, true]) writeCheckpoint(\`\${process.argv[2]}/step-\${String(step).padStart(8, '0')}\`, ${contents}, { keep: 2 });
      console.log(step);
    }`;
    nodeFs.writeFileSync(path('program', 'package.json'), '{"type":"module"}');
    nodeFs.writeFileSync(path('program', 'main.js'), `import { writeCheckpoint } from ${module};\n${loop}\n`);
    return path('program', 'main.js');
  }

  /** Compiles a source file and those it imports. */
  function compileInto(folder: string, file: string, done: Set<string>): void {
    if (done.has(file)) return;
    done.add(file);
    const source = nodeFs.readFileSync(file, 'utf8');
    const { outputText } = ts.transpileModule(source, {
      compilerOptions: {
        target: ts.ScriptTarget.ES2023,
        module: ts.ModuleKind.ESNext,
        verbatimModuleSyntax: true,
        rewriteRelativeImportExtensions: true,
      },
    });
    const target = join(folder, file.replace(/\.ts$/, '.js'));
    nodeFs.mkdirSync(dirname(target), { recursive: true });
    nodeFs.writeFileSync(target, outputText);
    for (const { fileName } of ts.preProcessFile(source).importedFiles) {
      if (fileName.startsWith('.')) compileInto(folder, relative('.', join(dirname(file), fileName)), done);
    }
  }
});
