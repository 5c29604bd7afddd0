// The runs so far, with what differs between them.

import { choose, current, remove, runs } from '../state/lab.ts';
import type { LabRun } from '../state/lab-run.ts';

export function RunsTable() {
  if (runs.value.length === 0) return null;
  const base = runs.value[0]!;
  return (
    <section aria-labelledby="runs-title">
      <h2 id="runs-title">Runs</h2>
      <div class="scrolls">
        <table>
          <thead>
            <tr>
              <th scope="col">Run</th>
              <th scope="col">Differs by</th>
              <th scope="col" class="number">
                Step
              </th>
              <th scope="col" class="number">
                Loss
              </th>
              <th scope="col" class="number">
                Bits per byte
              </th>
              <th scope="col">Curves</th>
              <th scope="col">
                <span class="unseen">Actions</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {runs.value.map((run) => (
              <Row key={run.request.runId} run={run} base={base} />
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function Row({ run, base }: { readonly run: LabRun; readonly base: LabRun }) {
  const isCurrent = run === current.value;
  const last = run.last.value;
  const evaluation = run.evaluations.value.at(-1);
  return (
    <tr aria-current={isCurrent}>
      <th scope="row">{run.name}</th>
      <td>{differences(run, base)}</td>
      <td class="number">{last?.step ?? '–'}</td>
      <td class="number">{last?.loss.toFixed(3) ?? '–'}</td>
      <td class="number">{evaluation?.bitsPerByte.toFixed(3) ?? '–'}</td>
      <td>
        <input
          type="checkbox"
          aria-label={`Draw the curves of ${run.name}`}
          checked={run.isShown.value}
          onChange={() => (run.isShown.value = !run.isShown.value)}
        />
      </td>
      <td class="actions">
        {!isCurrent && (
          <button type="button" onClick={() => void choose(run)}>
            Open<span class="unseen"> {run.name}</span>
          </button>
        )}
        <button type="button" onClick={() => void remove(run)}>
          Delete<span class="unseen"> {run.name}</span>
        </button>
      </td>
    </tr>
  );
}

const mostDifferences = 4;

/** The settings in which a run differs from the first, smallest first. */
function differences({ request }: LabRun, { request: base }: LabRun): string {
  const [own, other] = [settingsOf(request), settingsOf(base)];
  const changed = Object.keys(own).filter((key) => own[key] !== other[key]);
  if (request === base) return 'the first';
  if (changed.length === 0) return 'nothing';
  const shown = changed.slice(0, mostDifferences).map((key) => `${key} ${own[key]}`);
  return shown.join(', ') + (changed.length > mostDifferences ? ` and ${changed.length - mostDifferences} more` : '');
}

function settingsOf({ model, train, source }: LabRun['request']): Record<string, string> {
  const text = source.kind === 'own' ? source.name : source.names.join('+');
  const { data: _, ...rest } = train;
  return Object.fromEntries(
    Object.entries({ ...model, ...rest, text }).map(([key, value]) => [
      key,
      typeof value === 'object' ? JSON.stringify(value) : String(value),
    ]),
  );
}
