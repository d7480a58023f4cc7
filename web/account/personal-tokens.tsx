import type { PersonalToken } from 'character-chat-client';
import { useEffect, useState } from 'preact/hooks';

import { formatTime, words } from '../i18n';
import { client } from '../platform/client';
import { Button } from '../ui/button';
import { Dialog } from '../ui/dialog';
import { Field } from '../ui/field';
import { showError, showToast } from '../ui/toast';
import { CreateToken, type CreatedToken } from './create-token';

/** The tokens of the user: listed, created, shown once, revoked. */
export function PersonalTokens() {
  const [tokens, setTokens] = useState<readonly PersonalToken[] | null>(null);
  const [created, setCreated] = useState<CreatedToken | null>(null);
  const [revoking, setRevoking] = useState<PersonalToken | null>(null);
  const load = () => void client.personalTokens.list().then(setTokens, showError);
  useEffect(load, []);

  return (
    <>
      <p>{words.value.personalTokensHint}</p>
      {tokens?.length === 0 && <p class="quiet">{words.value.noTokens}</p>}
      <ul class="tokens">
        {tokens?.map((token) => (
          <li key={token.token_id}>
            <TokenLine token={token} />
            <Button aria-label={words.value.revokeName(token.name)} onClick={() => setRevoking(token)}>
              {words.value.revoke}
            </Button>
          </li>
        ))}
      </ul>
      <CreateToken
        onCreated={(token) => {
          setCreated(token);
          load();
        }}
      />
      {created !== null && <CreatedDialog created={created} onClose={() => setCreated(null)} />}
      {revoking !== null && (
        <RevokeDialog
          token={revoking}
          onClose={() => {
            setRevoking(null);
            load();
          }}
        />
      )}
    </>
  );
}

function TokenLine({ token }: { readonly token: PersonalToken }) {
  const { scopeRead, scopeAsk, tokenMade, tokenUsed, tokenUnused, tokenExpires, withoutEnd } = words.value;
  const names = { read: scopeRead, ask: scopeAsk };
  const time = (text: string) => formatTime(new Date(text));
  const facts = [
    token.scopes.map((scope) => names[scope]).join(', '),
    tokenMade(time(token.created_at)),
    token.last_used_at === null ? tokenUnused : tokenUsed(time(token.last_used_at)),
    token.expires_at === null ? withoutEnd : tokenExpires(time(token.expires_at)),
  ];
  return (
    <div>
      <strong>{token.name}</strong>
      <div class="quiet">{facts.join(' · ')}</div>
    </div>
  );
}

interface CreatedDialogProps {
  readonly created: CreatedToken;
  readonly onClose: () => void;
}

function CreatedDialog({ created, onClose }: CreatedDialogProps) {
  const { tokenCreated, tokenOnce, token, copy, copied, copyFailed, close } = words.value;
  const [isCopied, setCopied] = useState(false);
  async function copyToken(): Promise<void> {
    try {
      await navigator.clipboard.writeText(created.token);
      setCopied(true);
    } catch {
      // Only secure pages may use the clipboard. The text can be selected.
      showToast({ text: copyFailed });
    }
  }
  return (
    <Dialog title={tokenCreated(created.name)} onClose={onClose}>
      <p>{tokenOnce}</p>
      <Field label={token} value={created.token} readOnly onFocus={(event) => event.currentTarget.select()} />
      <div class="actions">
        <Button onClick={() => void copyToken()}>{isCopied ? copied : copy}</Button>
        <Button kind="primary" onClick={onClose}>
          {close}
        </Button>
      </div>
    </Dialog>
  );
}

interface RevokeDialogProps {
  readonly token: PersonalToken;
  readonly onClose: () => void;
}

function RevokeDialog({ token, onClose }: RevokeDialogProps) {
  const { revokeName, revokeHint, revoke, tokenRevoked, cancel } = words.value;
  async function run(): Promise<void> {
    try {
      await client.personalTokens.revoke(token.token_id);
      showToast({ text: tokenRevoked(token.name) });
    } catch (error) {
      showError(error);
    }
    onClose();
  }
  return (
    <Dialog title={revokeName(token.name)} onClose={onClose}>
      <p>{revokeHint}</p>
      <div class="actions">
        <Button onClick={onClose}>{cancel}</Button>
        <Button kind="danger" onClick={() => void run()}>
          {revoke}
        </Button>
      </div>
    </Dialog>
  );
}
