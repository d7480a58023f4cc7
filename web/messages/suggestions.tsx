export interface SuggestionsProps {
  readonly label: string;
  readonly questions: readonly string[];
  readonly onAsk: (query: string) => void;
}

export function Suggestions({ label, questions, onAsk }: SuggestionsProps) {
  return (
    <ul class="suggestions" aria-label={label}>
      {questions.map((question) => (
        <li key={question}>
          <button type="button" class="button" onClick={() => onAsk(question)}>
            {question}
          </button>
        </li>
      ))}
    </ul>
  );
}
