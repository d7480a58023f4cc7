import { useEffect, useState } from 'react';

import { useFetchClient, useForm } from '@strapi/strapi/admin';
import { useParams } from 'react-router-dom';

interface Values {
  readonly upstream?: string | null;
  readonly updatedAt?: string;
}

/** Returns the maximum length of a prompt, or null if there is none or it is not known. Asks again after each save. */
export function usePromptLimit(): number | null {
  const { get } = useFetchClient();
  const { id } = useParams();
  const { upstream } = useForm('PromptInput', ({ values }) => values as Values);
  const { updatedAt } = useForm('PromptInput', ({ initialValues }) => initialValues as Values);
  const [limit, setLimit] = useState<number | null>(null);

  useEffect(() => {
    const leaving = new AbortController();
    const isSaved = id !== undefined && id !== 'create';
    const params = { upstream: upstream ?? '', ...(isSaved && { documentId: id }) };
    get<{ data: { maxChars: number | null } }>('/admin/character-chat/prompt-limit', {
      params,
      signal: leaving.signal,
    }).then(
      ({ data }) => setLimit(data.data.maxChars),
      () => setLimit(null),
    );
    return () => leaving.abort();
  }, [get, id, upstream, updatedAt]);

  return limit;
}
