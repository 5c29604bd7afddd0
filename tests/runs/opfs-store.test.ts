import { describe, expect, it } from 'vitest';
import { fromHfTensors } from '../../src/io/hf-tensors.ts';
import { opfsStore } from '../../src/runs/opfs-store.ts';
import type { TrainEvent } from '../../src/train/events.ts';
import { resumeRun, train } from '../../src/train/trainer.ts';
import { config, contentsAt, shapes } from '../io/helpers.ts';
import { FakeDirectory, FakeFile, fakeLocks } from './fake-handles.ts';
import { label, seaDocuments, seaRun, timeless } from './nano-run.ts';

const documents = seaDocuments();

/** A page of a browser: the store of a directory, without locks between pages. */
const pageOf = (directory: FakeDirectory) => opfsStore(directory, undefined);

async function fileOf(directory: FakeDirectory, path: string): Promise<Uint8Array> {
  const parts = path.split('/');
  let at: FakeDirectory | FakeFile | undefined = directory;
  for (const part of parts) at = at instanceof FakeDirectory ? at.entries.get(part) : undefined;
  if (!(at instanceof FakeFile)) throw new Error(`no file ${path}`);
  return at.bytes;
}

/** The state of the newest checkpoint that loads; its weights must be those of the same step. -1 without one. */
async function newestState(directory: FakeDirectory): Promise<number> {
  const store = pageOf(directory.copy());
  const { checkpoint, warnings } = await store.latestCheckpoint();
  expect(warnings).toEqual([]);
  if (checkpoint === null) return -1;
  const { model, trainerState } = await store.openCheckpoint(checkpoint.path);
  const step = Number(trainerState?.step);
  expect(Array.from(fromHfTensors(model, config, shapes).tensors)).toEqual(contentsAt(step).model);
  return step;
}

/** Runs `action` in a page that is closed at its change number `failing`; true if it came to its end before. */
async function closedAt(failing: number, from: FakeDirectory, action: (page: FakeDirectory) => Promise<unknown>) {
  let changes = 0;
  const page = from.copy(() => {
    if (changes++ >= failing) throw new Error('closed');
  });
  const isDone = await action(page).then(
    () => true,
    (error: Error) => {
      expect(error.message).toBe('closed');
      return false;
    },
  );
  return { page, isDone };
}

describe('a run in the storage of a browser', () => {
  it('trains, is left with the page, and goes on in another one with the same bits', async () => {
    const [whole, directory] = [new FakeDirectory('whole'), new FakeDirectory('whale')];
    await train({ ...seaRun, documents, store: pageOf(whole) });
    const onEvent = (event: TrainEvent) => {
      if (label(event) === 'step 5') throw new Error('closed');
    };
    await expect(train({ ...seaRun, documents, store: pageOf(directory), onEvent })).rejects.toThrow('closed');
    const events: string[] = [];
    await resumeRun({ store: pageOf(directory.copy()), documents, onEvent: (event) => events.push(label(event)) });
    const page = directory.copy();
    const result = await resumeRun({ store: pageOf(page), documents });
    expect(result.checkpoint).toBe('checkpoints/step-00000006');
    for (const file of ['model.safetensors', 'optimizer.safetensors']) {
      const path = `${result.checkpoint}/${file}`;
      expect([path, await fileOf(page, path)]).toEqual([path, await fileOf(whole, path)]);
    }
    const log = async (of: FakeDirectory) => timeless(new TextDecoder().decode(await fileOf(of, 'metrics.jsonl')));
    expect(await log(page)).toEqual(await log(whole));
  });

  it('says that there is none, and that the place is taken', async () => {
    const directory = new FakeDirectory('whale');
    await expect(resumeRun({ store: pageOf(directory) })).rejects.toThrow('whale has no run.json; no run was started');
    await pageOf(directory).writeSettings({});
    await expect(train({ ...seaRun, documents, store: pageOf(directory) })).rejects.toThrow('whale is not empty');
  });

  it('property: whenever the page is closed while a run begins, the run can go on or the place is free for another', async () => {
    for (let failing = 0; ; failing++) {
      const { page, isDone } = await closedAt(failing, new FakeDirectory('whale'), async (open) => {
        const store = pageOf(open);
        await store.writeSettings({ format: 1 });
        const log = await store.openLog(-1);
        log.metrics({ step: 1 });
        await store.saveCheckpoint(1, contentsAt(1), 1);
      });
      const isFree = await pageOf(page.copy())
        .refuseUsed()
        .then(
          () => true,
          () => false,
        );
      if (!isFree) expect(await pageOf(page.copy()).readSettings()).toEqual({ format: 1 });
      expect(await newestState(page)).toBe(isDone ? 1 : -1);
      if (isDone) break;
    }
  });

  it('is for one page at a time', async () => {
    const locks = fakeLocks();
    const [a, b] = [new FakeDirectory('whale'), new FakeDirectory('whale')].map((page) => opfsStore(page, locks));
    const release = await a!.claim();
    await expect(b!.claim()).rejects.toThrow('whale is in use by another run');
    await release();
    await (await b!.claim())();
  });
});

describe('a checkpoint in the storage of a browser', () => {
  it('property: whenever the page is closed while one is written, the one before or the new one loads', async () => {
    const before = new FakeDirectory('whale');
    await pageOf(before).saveCheckpoint(1, contentsAt(1), 1);
    for (let failing = 0; ; failing++) {
      const { page, isDone } = await closedAt(failing, before, (open) =>
        pageOf(open).saveCheckpoint(2, contentsAt(2), 1),
      );
      expect([1, 2]).toContain(await newestState(page));
      const next = page.copy();
      await pageOf(next).saveCheckpoint(3, contentsAt(3), 1); // sweeps up
      expect(new Set(next.paths().map((path) => path.split('/')[1]))).toEqual(new Set([undefined, 'step-00000003']));
      if (isDone) break;
    }
  });

  it('property: the same when one of the same step is replaced, which may be the only one', async () => {
    const before = new FakeDirectory('whale');
    await pageOf(before).saveCheckpoint(4, contentsAt(1), 1);
    let replaced = 0;
    for (let failing = 0; ; failing++) {
      const { page, isDone } = await closedAt(failing, before, (open) =>
        pageOf(open).saveCheckpoint(4, contentsAt(2), 1),
      );
      const state = await newestState(page);
      expect([1, 2]).toContain(state);
      if (state === 2) replaced++;
      if (isDone) break;
    }
    expect(replaced).toBeGreaterThan(1); // before and after the old one is removed
  });

  it('property: lines of the log up to the checkpoint are there whenever the checkpoint is', async () => {
    const before = new FakeDirectory('whale');
    const write = async (page: FakeDirectory, step: number) => {
      const store = pageOf(page);
      const log = await store.openLog(step - 1);
      log.metrics({ step, loss: step });
      log.sample({ step, text: `at ${step}` });
      await store.saveCheckpoint(step, contentsAt(step), 2);
    };
    await write(before, 1);
    for (let failing = 0; ; failing++) {
      const { page, isDone } = await closedAt(failing, before, (open) => write(open, 2));
      const step = await newestState(page);
      const store = pageOf(page.copy());
      const log = await store.openLog(step);
      await log.close();
      const lines = new TextDecoder()
        .decode(await fileOf(page, 'metrics.jsonl'))
        .trim()
        .split('\n');
      expect(lines.map((line) => JSON.parse(line).step).filter((at) => at <= step)).toEqual([1, 2].slice(0, step));
      if (isDone) break;
    }
  });

  it('keeps as many as asked for, and those of later steps', async () => {
    const directory = new FakeDirectory('whale');
    for (const step of [1, 2, 3, 9]) await pageOf(directory).saveCheckpoint(step, contentsAt(step), 9);
    await pageOf(directory).saveCheckpoint(4, contentsAt(4), 2);
    const names = new Set(directory.paths().map((path) => path.split('/')[1]));
    expect(names).toEqual(new Set([undefined, 'step-00000003', 'step-00000004', 'step-00000009']));
    expect(await newestState(directory)).toBe(9);
  });

  it.each(['model.safetensors', 'optimizer.safetensors', 'config.json', 'trainer.json'])(
    'is passed over when %s is damaged, cut or gone, and says which',
    async (name) => {
      for (const damage of ['changed', 'cut', 'gone']) {
        const directory = new FakeDirectory('whale');
        for (const step of [1, 2]) await pageOf(directory).saveCheckpoint(step, contentsAt(step), 2);
        const folder = await (await directory.getDirectoryHandle('checkpoints')).getDirectoryHandle('step-00000002');
        if (damage === 'gone') await folder.removeEntry(name);
        else {
          const file = (await folder.getFileHandle(name)) as FakeFile;
          if (damage === 'cut') file.bytes = file.bytes.slice(0, -3);
          else file.bytes[file.bytes.length - 7]! ^= 1;
        }
        const { checkpoint, warnings } = await pageOf(directory).latestCheckpoint();
        expect(checkpoint).toEqual({ path: 'checkpoints/step-00000001', step: 1 });
        expect(warnings).toEqual([
          expect.stringContaining(`skipped checkpoints/step-00000002: checkpoint: checkpoints/step-00000002/${name}`),
        ]);
      }
    },
  );

  it('says that the storage is full, and what was there before stays', async () => {
    let isFull = false;
    const directory = new FakeDirectory('whale', (call) => {
      if (isFull && call === 'write') throw Object.assign(new Error('no room'), { name: 'QuotaExceededError' });
    });
    const store = pageOf(directory);
    await store.saveCheckpoint(1, contentsAt(1), 1);
    isFull = true;
    await expect(store.saveCheckpoint(2, contentsAt(2), 1)).rejects.toThrow("the browser's storage is full; remove an");
    expect(await newestState(directory)).toBe(1);
  });
});
