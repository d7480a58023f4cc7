import { useId } from 'react';

import { Box, Flex, Typography } from '@strapi/design-system';
import { useIntl } from 'react-intl';
import Markdown from 'react-markdown';
import { styled } from 'styled-components';

import { useText } from './use-text';
import type { Exchange, Trial } from './use-trial';

interface ChatProps {
  readonly title: string;
  readonly trial: Trial;
}

/** The questions and answers of one side. */
export function Chat({ title, trial: { exchanges, isRunning } }: ChatProps) {
  const titleId = useId();
  return (
    <Box tag="section" aria-labelledby={titleId} flex="1 1 30rem" minWidth="0">
      <Typography id={titleId} variant="delta" tag="h3">
        {title}
      </Typography>
      <Flex
        role="log"
        aria-labelledby={titleId}
        aria-busy={isRunning}
        direction="column"
        alignItems="stretch"
        gap={4}
        padding={4}
        marginTop={2}
        background="neutral100"
        hasRadius
        minHeight="16rem"
      >
        {exchanges.map((exchange, index) => (
          <ExchangeLines key={index} {...exchange} />
        ))}
      </Flex>
    </Box>
  );
}

/** A question and its answer. */
export function ExchangeLines({ query, answer, place, end, by }: Exchange & { readonly by?: string }) {
  const text = useText();
  const waiting =
    place === undefined ? text('character-chat.try.waiting') : text('character-chat.try.queued', { place });
  return (
    <Flex direction="column" alignItems="stretch" gap={2}>
      <Box
        background="primary100"
        borderColor="primary200"
        padding={3}
        hasRadius
        style={{ alignSelf: 'flex-end' }}
        maxWidth="85%"
      >
        <Typography variant="pi" textColor="neutral600" tag="p">
          {by ?? text('character-chat.try.you')}
        </Typography>
        <Typography style={{ whiteSpace: 'pre-wrap', overflowWrap: 'anywhere' }}>{query}</Typography>
      </Box>
      <Box background="neutral0" padding={3} hasRadius maxWidth="95%">
        {answer === '' && end === undefined && <Typography textColor="neutral600">{waiting}</Typography>}
        {answer !== '' && <Answer>{answer}</Answer>}
        {end && <End {...end} />}
      </Box>
    </Flex>
  );
}

/** Renders Markdown without the HTML in it. Links lead only to http, https and mail. Pictures would tell their host. */
function Answer({ children }: { readonly children: string }) {
  return (
    <Prose>
      <Markdown
        disallowedElements={['img']}
        components={{
          a: ({ href, children: label }) => (
            <a href={href} target="_blank" rel="noopener noreferrer nofollow">
              {label}
            </a>
          ),
        }}
      >
        {children}
      </Markdown>
    </Prose>
  );
}

function End({ outcome, usage, ms, error, errorDetail }: NonNullable<Exchange['end']>) {
  const text = useText();
  const { formatNumber } = useIntl();
  const { total_tokens: tokens, total_price: price, currency } = usage ?? {};
  const figures = [
    outcome === 'stopped' && text('character-chat.try.stopped'),
    tokens != null && text('character-chat.try.tokens', { tokens: formatNumber(Number(tokens)) }),
    price != null && text('character-chat.try.price', { price: String(price), currency: currency ?? '' }),
    ms !== undefined &&
      text('character-chat.try.seconds', { seconds: formatNumber(ms / 1000, { maximumFractionDigits: 1 }) }),
  ].filter(Boolean);
  return (
    <>
      {outcome === 'failed' && (
        <Typography textColor="danger600" tag="p" role="alert">
          {[error || text('character-chat.try.failed'), errorDetail].filter(Boolean).join(' ')}
        </Typography>
      )}
      <Typography variant="pi" textColor="neutral600" tag="p">
        {figures.join(' · ')}
      </Typography>
    </>
  );
}

/** The panel resets the styles of all elements. */
const Prose = styled.div`
  color: ${({ theme }) => theme.colors.neutral800};
  font-size: 1.4rem;
  line-height: 1.5;
  overflow-wrap: anywhere;

  > * + * {
    margin-top: 0.8rem;
  }
  ul,
  ol {
    padding-left: 2rem;
    list-style: revert;
  }
  strong {
    font-weight: 600;
  }
  em {
    font-style: italic;
  }
  a {
    color: ${({ theme }) => theme.colors.primary600};
    text-decoration: underline;
  }
  code {
    font-family: monospace;
  }
  pre {
    overflow-x: auto;
    padding: 0.8rem;
    background: ${({ theme }) => theme.colors.neutral150};
  }
  blockquote {
    padding-left: 1.2rem;
    border-left: 3px solid ${({ theme }) => theme.colors.neutral300};
  }
`;
