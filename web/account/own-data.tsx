import { useState } from 'preact/hooks';

import { formatNumber, words } from '../i18n';
import { client } from '../platform/client';
import { Button } from '../ui/button';
import { Dialog } from '../ui/dialog';
import { showError, showToast } from '../ui/toast';

/** Exports and erases what the server keeps of the user. */
export function OwnData() {
  const { exportHint, eraseHint, eraseData } = words.value;
  const [isAsking, setAsking] = useState(false);
  return (
    <>
      <p>{exportHint}</p>
      <ExportButton />
      <p>{eraseHint}</p>
      <Button kind="danger" onClick={() => setAsking(true)}>
        {eraseData}
      </Button>
      {isAsking && <EraseDialog onClose={() => setAsking(false)} />}
    </>
  );
}

function ExportButton() {
  const [isRunning, setRunning] = useState(false);
  async function run(): Promise<void> {
    if (isRunning) return;
    setRunning(true);
    try {
      await download();
    } catch (error) {
      showError(error);
    } finally {
      setRunning(false);
    }
  }
  return (
    <Button aria-disabled={isRunning} onClick={() => void run()}>
      {isRunning ? words.value.exporting : words.value.exportData}
    </Button>
  );
}

/** Saves the export as a file. It saves nothing if the export is cut off. */
async function download(): Promise<void> {
  const lines: string[] = [];
  for await (const line of client.ownData.export()) lines.push(`${JSON.stringify(line)}\n`);
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob(lines, { type: 'application/x-ndjson' }));
  link.download = 'character-chat.jsonl';
  link.click();
  // The browser reads the file after this task.
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

function EraseDialog({ onClose }: { readonly onClose: () => void }) {
  const { eraseData, eraseQuestion, eraseNow, erased, cancel } = words.value;
  async function erase(): Promise<void> {
    try {
      const { sessions, messages } = await client.ownData.erase();
      showToast({ text: erased(formatNumber(sessions), formatNumber(messages)) });
    } catch (error) {
      showError(error);
    }
    onClose();
  }
  return (
    <Dialog title={eraseData} onClose={onClose}>
      <p>{eraseQuestion}</p>
      <div class="actions">
        <Button onClick={onClose}>{cancel}</Button>
        <Button kind="danger" onClick={() => void erase()}>
          {eraseNow}
        </Button>
      </div>
    </Dialog>
  );
}
