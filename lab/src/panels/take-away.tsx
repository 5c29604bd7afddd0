// The settings as code, and the model as a zip of a Hugging Face folder, both ways.

import { useEffect, useState } from 'preact/hooks';
import { FileInput } from '../parts/file-input.tsx';
import { ask, current, notice, startRun } from '../state/lab.ts';
import { fetchModel, offeredModels } from '../state/offered.ts';
import { backend, corpusNames, ownText, preset, settingPairs } from '../state/settings.ts';
import { keepModel } from '../state/storage.ts';
import { readZip } from '../state/read-zip.ts';

/** What a command reads: the texts that come along, or a file that the reader has. */
const data = () => (ownText.value === null ? corpusNames.value.join(',') : 'my-text.txt');

function commandLine(): string {
  const sets = settingPairs.value.map((pair) => ` --set ${pair}`).join('');
  const computer = backend.value === 'auto' ? '' : ` --backend ${backend.value}`;
  return `npx tinyseek train --preset ${preset.value.base} --data ${data()}${sets}${computer}`;
}

function program(): string {
  const set = JSON.stringify(settingPairs.value);
  return `import { resolveRunConfig, train } from 'tinyseek';

const { model, train: settings } = resolveRunConfig({ preset: '${preset.value.base}', set: ${set} });
await train({
  model,
  train: { ...settings, data: '${data()}' },
  backend: '${backend.value}',
  runDir: 'runs/from-the-lab',
});`;
}

export function TakeAway() {
  const [isCopied, setCopied] = useState('');
  const copy = async (what: string, text: string) => {
    await navigator.clipboard.writeText(text);
    setCopied(`${what} is copied.`);
  };
  const [offered, setOffered] = useState<readonly string[]>([]);
  useEffect(() => void offeredModels().then(setOffered), []);
  const hasModel = ['going', 'held', 'done'].includes(current.value?.status.value ?? '');
  return (
    <section aria-labelledby="take-title">
      <h2 id="take-title">Take it away</h2>
      <div class="buttons">
        <button type="button" disabled={!hasModel} onClick={() => void saveZip()}>
          Save the model as a zip
        </button>
        <button type="button" onClick={() => void copy('The link', location.href)}>
          Copy a link
        </button>
      </div>
      <p class="note">
        A link carries the preset, its changes and which of the texts are read. Your own text, a bug and the weights
        stay here.
      </p>
      <FileInput
        label="Open a zip of a model folder, and train it further"
        accept=".zip"
        take={(file) => void openZip(file)}
      />
      {offered.map((name, place) => (
        <button type="button" key={name} onClick={() => void openOffered(name, place)}>
          Open {name}, and train it further
        </button>
      ))}
      <details>
        <summary>The settings as code</summary>
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, and the keyboard must reach it */}
        <pre tabIndex={0}>{commandLine()}</pre>
        <button type="button" onClick={() => void copy('The command', commandLine())}>
          Copy the command
        </button>
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, and the keyboard must reach it */}
        <pre tabIndex={0}>{program()}</pre>
        <button type="button" onClick={() => void copy('The program', program())}>
          Copy the program
        </button>
      </details>
      <p aria-live="polite">{isCopied}</p>
    </section>
  );
}

async function saveZip(): Promise<void> {
  try {
    const { bytes } = await ask({ kind: 'zip' });
    const link = document.createElement('a');
    link.href = URL.createObjectURL(new Blob([bytes], { type: 'application/zip' }));
    link.download = `${current.value?.name.replaceAll(' ', '-').toLowerCase() ?? 'model'}.zip`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  } catch (error) {
    notice.value = `The model cannot be saved: ${(error as Error).message}`;
  }
}

async function openOffered(name: string, place: number): Promise<void> {
  try {
    await startRun(await keepModel(name, await fetchModel(place)));
  } catch (error) {
    notice.value = (error as Error).message;
  }
}

async function openZip(file: File): Promise<void> {
  try {
    await startRun(await keepModel(file.name.replace(/\.zip$/, ''), await readZip(file)));
  } catch (error) {
    notice.value = (error as Error).message;
  }
}
